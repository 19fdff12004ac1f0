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
import { findProcessStart } from '../../src/embedded-postgres/embedded-process';
import { builtProgram } from '../testkit/built-checkout';
import { eventually } from '../testkit/eventually';

const started: EmbeddedPostgres[] = [];
const services: ChildProcess[] = [];

// One directory for all that does not need a new one: making the cluster is the slow part.
const oldDirectory = mkdtempSync(join(tmpdir(), 'user-service-embedded-'));
let directory = oldDirectory;

afterEach(async () => {
  for (const service of services.splice(0)) await kill(service);
  await Promise.all(started.splice(0).map((postgres) => postgres.stop()));
  if (directory !== oldDirectory) await remove(directory);
  directory = oldDirectory;
});

afterAll(() => remove(oldDirectory));

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

/** A process of its own with the embedded PostgreSQL, as the service would be. */
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

/** Commits something new, to be recalled after what follows. */
async function remember(url: string): Promise<unknown[][]> {
  await query(url, 'CREATE TABLE IF NOT EXISTS memories (id serial, memory uuid DEFAULT gen_random_uuid())');
  return query(url, 'INSERT INTO memories DEFAULT VALUES RETURNING memory');
}

const recall = (url: string) => query(url, 'SELECT memory FROM memories ORDER BY id DESC LIMIT 1');
const postmasterPid = () =>
  Number(readFileSync(join(directory, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);

test('keeps its data between starts', async () => {
  const first = await start();
  const memory = await remember(first.url);
  await first.stop();
  await expect(recall(first.url)).rejects.toThrow('ECONNREFUSED');

  expect(await recall((await start()).url)).toEqual(memory);
});

test('lets in who knows its password, on this machine only, and keeps the password to its owner', async () => {
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

test('refuses a second start and names the directory and the process that holds it', async () => {
  const { service, url } = await startedService();
  const refusal = await startEmbeddedPostgres({ dataDirectory: directory }).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(EmbeddedPostgresInUseError);
  expect(refusal).toMatchObject({ directory, pid: service.pid });
  expect((refusal as Error).message).toContain(`${directory} is already in use by process ${service.pid}`);
  expect(await query(url, 'SELECT 1')).toEqual([[1]]);
});

test('lets one of many simultaneous starts through, over a stale lock too', async () => {
  useNewDirectory();
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

test('lets a command join the one that runs', async () => {
  const { url } = await start();
  const memory = await remember(url);
  const joined = await joinEmbeddedPostgres({ dataDirectory: directory });
  expect(await recall(joined.url)).toEqual(memory);
  await joined.stop();
  expect(await recall(url)).toEqual(memory);
});

test('ends when the service is killed, and starts again with what was committed', async () => {
  const { service, url } = await startedService();
  const memory = await remember(url);
  const pid = postmasterPid();
  await kill(service);
  await eventually(() => expect(findProcessStart(pid)).toBeNull());

  expect(await recall((await start()).url)).toEqual(memory);
});

test('takes over at once from a service and a PostgreSQL that were both killed', async () => {
  const { service, url } = await startedService();
  const memory = await remember(url);
  process.kill(postmasterPid(), 'SIGKILL');
  await kill(service);

  expect(await recall((await start()).url)).toEqual(memory);
});

test('stops the PostgreSQL that a killed service left behind, and starts its own', async () => {
  const { service, url } = await startedService();
  const memory = await remember(url);
  const orphan = postmasterPid();
  // A frozen process cannot follow its service, and does not hear a polite signal.
  process.kill(orphan, 'SIGSTOP');
  await kill(service);
  setTimeout(() => process.kill(orphan, 'SIGCONT'), 300);

  const lines: string[] = [];
  const next = await start((line) => lines.push(line));
  expect(lines).toEqual([expect.stringContaining(`process ${orphan}`)]);
  expect(findProcessStart(orphan)).toBeNull();
  expect(await recall(next.url)).toEqual(memory);
});

test('starts over a stale postmaster.pid whose id belongs to another program by now', async () => {
  const first = await start();
  const memory = await remember(first.url);
  await first.stop();
  writeFileSync(
    join(directory, 'cluster', 'postmaster.pid'),
    `${process.pid}\n/elsewhere\n0\n5432\n\n\n\nready\n`,
  );

  expect(await recall((await start()).url)).toEqual(memory);
});

test('starts over a data directory that was half made when its service was killed', async () => {
  useNewDirectory();
  const service = startService();
  const making = await eventually(() => {
    const name = readdirSync(directory).find((entry) => entry.startsWith('making-'));
    if (!name || !existsSync(join(directory, name, 'cluster', 'PG_VERSION'))) throw new Error('not yet');
    return name;
  });
  await kill(service);
  expect(existsSync(join(directory, 'cluster'))).toBe(false);

  expect(await query((await start()).url, 'SELECT 1')).toEqual([[1]]);
  expect(existsSync(join(directory, making))).toBe(false);
});

test('sets files aside that are no whole cluster, and says so', async () => {
  useNewDirectory();
  await (await start()).stop();
  rmSync(join(directory, 'cluster', 'global', 'pg_control'));

  const lines: string[] = [];
  expect(await query((await start((line) => lines.push(line))).url, 'SELECT 1')).toEqual([[1]]);
  const aside = readdirSync(directory).filter((name) => name.startsWith('cluster-unusable-'));
  expect(aside).toHaveLength(1);
  expect(lines).toEqual([expect.stringContaining(aside[0] ?? '')]);
});

test('comes back at the same address when PostgreSQL is killed under a running service', async () => {
  const lines: string[] = [];
  const { url } = await start((line) => lines.push(line));
  const memory = await remember(url);
  process.kill(postmasterPid(), 'SIGKILL');
  expect(await eventually(() => recall(url))).toEqual(memory);
  expect(lines).toEqual([expect.stringContaining('ended unexpectedly (exit SIGKILL)')]);
});
