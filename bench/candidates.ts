import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDevelopmentIssuer } from '../src/authentication/development-issuer';
import { eventually } from '../test/testkit/eventually';
import { startServiceProcess } from '../test/testkit/service-processes';
import type { Stage } from './stage';
import type { ActorName, Operation } from './workloads';

/** A server that takes part in the comparison. */
export interface Candidate {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** null: a peer, which has no actors. */
  readonly actor: ActorName | null;
  /** Headers for an operation about these users. */
  readonly headers: (ids: readonly string[]) => Record<string, string>;
}

export const peerNames = ['nestjs', 'mercurius', 'yoga', 'limit', 'constant'] as const;

const peersFolder = join(__dirname, 'peers');

/** Installs the peers' own dependencies, once in a checkout. */
export function installPeers(): void {
  if (existsSync(join(peersFolder, 'node_modules', 'autocannon'))) return;
  process.stderr.write('Installing bench/peers …\n');
  const installed = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: peersFolder,
    stdio: ['ignore', 2, 2],
  });
  if (installed.status !== 0) throw new Error('npm ci failed in bench/peers');
}

/** Starts a peer and waits until it listens. */
export async function startPeer(
  name: (typeof peerNames)[number],
  databaseUrl: string,
): Promise<Candidate & { stop(): void }> {
  const port = await freePort();
  const child: ChildProcess = spawn(process.execPath, [join(peersFolder, 'run.cjs'), name], {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', PORT: String(port), DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(() => fetch(`${url}/graphql`, { method: 'POST', body: '{}' }), { timeoutMs: 30_000 });
  return { name, url, pid: child.pid as number, actor: null, headers: () => ({}), stop: () => child.kill() };
}

export interface OwnCandidates {
  readonly byActor: Readonly<Record<ActorName, Candidate>>;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts the service as one process and returns it once for each actor; tokens of `users` are issued here. */
export async function startOwn(
  stage: Stage,
  users: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<OwnCandidates> {
  const directory = mkdtempSync(join(tmpdir(), 'user-service-bench-'));
  const service = await startServiceProcess({
    ...stage,
    directory,
    redisPrefix: `${stage.prefix}user:`,
    amqpPrefix: stage.prefix,
    // Logs and memory as in a deployment; nothing here reads the logs.
    env: { LOG_LEVEL: 'info', NODE_OPTIONS: '--max-old-space-size=384', ...settings },
    onOutput: () => undefined,
  });
  const issuer = await openDevelopmentIssuer(join(directory, '.data'));
  const bearer = async (sub: string, scope?: string) => ({
    authorization: `Bearer ${await issuer.issueToken(scope === undefined ? { sub } : { sub, scope })}`,
  });
  const staff = await bearer('staff', 'users:read users:write');
  const own = new Map<string, Record<string, string>>();
  for (const id of users) own.set(id, await bearer(id));
  const candidate = (actor: ActorName, headers: Candidate['headers']): Candidate => ({
    name: `ours ${actor}`,
    url: service.url,
    pid: service.process.pid as number,
    actor,
    headers,
  });
  return {
    byActor: {
      public: candidate('public', () => ({})),
      self: candidate('self', ([id]) => own.get(id ?? '') ?? {}),
      audited: candidate('audited', () => staff),
      staff: candidate('staff', () => staff),
    },
    process: service.process,
    async stop() {
      await service.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Sends one operation and returns its data. @throws Error when it has errors */
export async function ask(
  candidate: Candidate,
  operation: Operation,
  ids: readonly string[],
): Promise<unknown> {
  const response = await fetch(`${candidate.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...candidate.headers(ids) },
    body: JSON.stringify(operation),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  if (response.status !== 200 || errors)
    throw new Error(`${candidate.name} refuses ${operation.operationName}: ${JSON.stringify(errors)}`);
  return data;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
