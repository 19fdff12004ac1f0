import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './redis-server';
import { installedProgram } from './service-startup';

/** A PgBouncer in transaction mode. */
export interface PgBouncer {
  /** The URL of a database through PgBouncer. */
  urlOf(databaseUrl: string): string;
  stop(): Promise<void>;
}

export interface PgBouncerOptions {
  /** Connections to each database. Defaults to PgBouncer's 20. */
  poolSize?: number;
}

/** Starts PgBouncer in front of the server of this URL, with the defaults of its package and any number of clients. */
export async function startPgBouncer(
  serverUrl: string,
  { poolSize = 20 }: PgBouncerOptions = {},
): Promise<PgBouncer> {
  const program = installedProgram('pgbouncer');
  const server = new URL(serverUrl);
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'pgbouncer-'));
  // PgBouncer drops root's rights before it reads the file.
  chmodSync(directory, 0o755);
  const file = join(directory, 'pgbouncer.ini');
  const password = server.password ? ` password='${decodeURIComponent(server.password)}'` : '';
  writeFileSync(
    file,
    [
      '[databases]',
      `* = host=${server.hostname} port=${server.port || 5432} user=${decodeURIComponent(server.username)}${password}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      'pool_mode = transaction',
      `default_pool_size = ${poolSize}`,
      'max_client_conn = 1000',
      '',
    ].join('\n'),
  );
  const asAnotherUser = process.getuid?.() === 0 ? ['--user', 'nobody'] : [];
  const child = spawn(program, [...asAnotherUser, file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  let output = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('process up')) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`pgbouncer ended: ${output}`)));
  });
  return {
    urlOf(databaseUrl) {
      const url = new URL(databaseUrl);
      url.hostname = '127.0.0.1';
      url.port = String(port);
      return url.href;
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
