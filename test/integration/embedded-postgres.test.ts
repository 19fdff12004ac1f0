import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { EmbeddedPostgresInUseError } from '../../src/embedded-postgres/embedded-errors';
import {
  type EmbeddedPostgres,
  joinEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres';
import {
  findProcessStart,
  hasArgument,
  stopPostgresProcess,
} from '../../src/embedded-postgres/embedded-process';
import { builtProgram } from '../testkit/built-checkout';
import { eventually } from '../testkit/eventually';

const started: EmbeddedPostgres[] = [];
const services: ChildProcess[] = [];

// Shared by the tests that do not need a new directory, as creating a cluster is slow.
const sharedDirectory = mkdtempSync(join(tmpdir(), 'user-service-embedded-'));
let directory = sharedDirectory;

afterEach(async () => {
  for (const service of services.splice(0)) await kill(service);
  await Promise.all(started.splice(0).map((postgres) => postgres.stop()));
  if (directory !== sharedDirectory) await remove(directory);
  directory = sharedDirectory;
});

afterAll(() => remove(sharedDirectory));

function useNewDirectory(): void {
  directory = mkdtempSync(join(tmpdir(), 'user-service-embedded-'));
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 20 });
}

async function start(log?: (line: string) => void): Promise<EmbeddedPostgres> {
  const options = { dataDirectory: directory, settings: { fsync: 'off' } };
  const postgres = await startEmbeddedPostgres(log ? { ...options, log } : options);
  started.push(postgres);
  return postgres;
}

/** Starts a process that runs the embedded PostgreSQL, as the service does. */
function startService(): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const service = spawn(process.execPath, [builtProgram('embedded-postgres-process'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  services.push(service);
  return service;
}

async function startedService(): Promise<{ service: ChildProcess; url: string }> {
  const service = startService();
  const [line] = (await once(service.stdout, 'data')) as [Buffer];
  return { service, url: line.toString().trim() };
}

async function kill(service: ChildProcess): Promise<void> {
  if (service.exitCode !== null || service.signalCode !== null) return;
  const exited = once(service, 'exit');
  service.kill('SIGKILL');
  await exited;
}

async function query(url: string, sql: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

/** Commits a new row and returns it, to compare it with `recall` later. */
async function remember(url: string): Promise<unknown[][]> {
  await query(url, 'CREATE TABLE IF NOT EXISTS memories (id serial, memory uuid DEFAULT gen_random_uuid())');
  return query(url, 'INSERT INTO memories DEFAULT VALUES RETURNING memory');
}

const recall = (url: string) => query(url, 'SELECT memory FROM memories ORDER BY id DESC LIMIT 1');
const postmasterPid = () =>
  Number(readFileSync(join(directory, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);

test('embedded PostgreSQL keeps its data between starts', async () => {
  const first = await start();
  const memory = await remember(first.url);
  await first.stop();
  await expect(recall(first.url)).rejects.toThrow('ECONNREFUSED');

  expect(await recall((await start()).url)).toEqual(memory);
});

test('embedded PostgreSQL listens on loopback only, requires its password and stores it with mode 600', async () => {
  const { url } = await start();
  expect(await query(url, 'SHOW listen_addresses')).toEqual([['127.0.0.1']]);
  expect(await query(url, 'SHOW unix_socket_directories')).toEqual([['']]);
  const stranger = new URL(url);
  stranger.password = 'guess';
  await expect(query(stranger.href, 'SELECT 1')).rejects.toThrow('password authentication failed');

  const file = join(directory, 'cluster', 'user-service.password');
  expect(readFileSync(file, 'utf8').trim()).toBe(new URL(url).password);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a second start throws EmbeddedPostgresInUseError with the directory and the pid of its owner', async () => {
  const { service, url } = await startedService();
  const error = await startEmbeddedPostgres({ dataDirectory: directory }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(EmbeddedPostgresInUseError);
  expect(error).toMatchObject({ directory, pid: service.pid });
  expect((error as Error).message).toContain(`${directory} is already in use by process ${service.pid}`);
  expect(await query(url, 'SELECT 1')).toEqual([[1]]);
});

test('one of five concurrent starts succeeds, also with a stale lock', async () => {
  writeFileSync(
    join(directory, 'owner.7'),
    JSON.stringify({ pid: process.pid, start: 'an earlier process' }),
  );
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => start()));
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(EmbeddedPostgresInUseError);
  }
});

test('joinEmbeddedPostgres uses the running server and leaves it running', async () => {
  const { url } = await start();
  const memory = await remember(url);
  const joined = await joinEmbeddedPostgres({ dataDirectory: directory });
  expect(await recall(joined.url)).toEqual(memory);
  await joined.stop();
  expect(await recall(url)).toEqual(memory);
});

test('embedded PostgreSQL exits after its service is killed and keeps committed rows', async () => {
  const { service, url } = await startedService();
  const memory = await remember(url);
  const pid = postmasterPid();
  await kill(service);
  await eventually(() => expect(findProcessStart(pid)).toBeNull());

  expect(await recall((await start()).url)).toEqual(memory);
});

test('a start succeeds after the service and PostgreSQL were both killed', async () => {
  const { service, url } = await startedService();
  const memory = await remember(url);
  process.kill(postmasterPid(), 'SIGKILL');
  await kill(service);

  expect(await recall((await start()).url)).toEqual(memory);
});

test('a start stops the PostgreSQL of a killed service and starts its own', async () => {
  const { service, url } = await startedService();
  const memory = await remember(url);
  const orphan = postmasterPid();
  // A stopped process neither notices that its service exited nor handles SIGTERM.
  process.kill(orphan, 'SIGSTOP');
  await kill(service);
  setTimeout(() => process.kill(orphan, 'SIGCONT'), 300);

  const lines: string[] = [];
  const next = await start((line) => lines.push(line));
  expect(lines).toEqual([expect.stringContaining(`process ${orphan}`)]);
  expect(findProcessStart(orphan)).toBeNull();
  expect(await recall(next.url)).toEqual(memory);
});

test('a start ignores a stale postmaster.pid whose pid another program has', async () => {
  const first = await start();
  const memory = await remember(first.url);
  await first.stop();
  writeFileSync(
    join(directory, 'cluster', 'postmaster.pid'),
    `${process.pid}\n/elsewhere\n0\n5432\n\n\n\nready\n`,
  );

  expect(await recall((await start()).url)).toEqual(memory);
});

test('a start replaces a data directory that a killed service left incomplete', async () => {
  useNewDirectory();
  const service = startService();
  const incomplete = await eventually(() => {
    const name = readdirSync(directory).find((entry) => entry.startsWith('making-'));
    if (!name || !existsSync(join(directory, name, 'cluster', 'PG_VERSION'))) throw new Error('not yet');
    return name;
  });
  await kill(service);
  expect(existsSync(join(directory, 'cluster'))).toBe(false);

  expect(await query((await start()).url, 'SELECT 1')).toEqual([[1]]);
  expect(existsSync(join(directory, incomplete))).toBe(false);
});

test('a running service restarts a killed PostgreSQL at the same address', async () => {
  const lines: string[] = [];
  const { url } = await start((line) => lines.push(line));
  const memory = await remember(url);
  process.kill(postmasterPid(), 'SIGKILL');
  expect(await eventually(() => recall(url))).toEqual(memory);
  expect(lines).toEqual([expect.stringContaining('ended unexpectedly (exit SIGKILL)')]);
});

// Last of those that share a directory: it loses the data.
test('a start renames an unusable cluster and logs its new name', async () => {
  await (await start()).stop();
  rmSync(join(directory, 'cluster', 'global', 'pg_control'));

  const lines: string[] = [];
  expect(await query((await start((line) => lines.push(line))).url, 'SELECT 1')).toEqual([[1]]);
  const renamed = readdirSync(directory).filter((name) => name.startsWith('cluster-unusable-'));
  expect(renamed).toHaveLength(1);
  expect(lines).toEqual([expect.stringContaining(renamed[0] ?? '')]);
});

test('stopPostgresProcess rejects when the process survives SIGKILL', async () => {
  const program = spawn('sleep', ['60']);
  const send = jest.spyOn(process, 'kill').mockReturnValue(true);
  await expect(stopPostgresProcess(program.pid ?? 0, 0)).rejects.toThrow(
    'still runs one second after SIGKILL',
  );
  send.mockRestore();
  program.kill('SIGKILL');
});

test.each(['linux', 'darwin'] as const)('hasArgument matches whole arguments only on %s', (platform) => {
  const program = spawn('sleep', ['60', '61']);
  const original = process.platform;
  Object.defineProperty(process, 'platform', { value: platform });
  try {
    expect(hasArgument(program.pid ?? 0, '61')).toBe(true);
    expect(hasArgument(program.pid ?? 0, '6')).toBe(false);
  } finally {
    Object.defineProperty(process, 'platform', { value: original });
    program.kill('SIGKILL');
  }
});
