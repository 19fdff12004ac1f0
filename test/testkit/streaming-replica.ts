import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterPath } from '../../src/embedded-postgres/embedded-cluster';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres';

/** A PostgreSQL with a streaming replica. */
export interface ReplicatedPostgres {
  readonly primaryUrl: string;
  readonly replica: EmbeddedPostgres;
  stop(): Promise<void>;
}

const settings = { fsync: 'off', synchronous_commit: 'off' };

/** Starts an embedded PostgreSQL, and a second one on a copy of its files that replays its changes. */
export async function startReplicatedPostgres(): Promise<ReplicatedPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'user-service-replicated-'));
  const [first, second] = [join(folder, 'primary'), join(folder, 'replica')];
  const prepared = await startEmbeddedPostgres({ dataDirectory: first, settings });
  const { port, username, password } = new URL(prepared.url);
  await prepared.stop();
  mkdirSync(second, { mode: 0o700 });
  // Keeps the owner of the files, which PostgreSQL checks.
  execFileSync('cp', ['-a', `${first}/.`, second]);
  writeFileSync(join(clusterPath(second), 'standby.signal'), '');
  const primary = await startEmbeddedPostgres({ dataDirectory: first, settings, port: Number(port) });
  const source = `host=127.0.0.1 port=${port} user=${username} password=${decodeURIComponent(password)}`;
  const replica = await startEmbeddedPostgres({
    dataDirectory: second,
    settings: { ...settings, primary_conninfo: source },
  });
  return {
    primaryUrl: primary.url,
    replica,
    async stop() {
      await replica.stop();
      await primary.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
