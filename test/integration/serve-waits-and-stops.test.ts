import { type ChildProcess, spawn } from 'node:child_process';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { lockKeys } from '../../src/postgres/locks';
import { startTestApp } from '../testkit/app';
import { type CommandLine, type CommandResult, openCommandLine } from '../testkit/command';
import { eventually } from '../testkit/eventually';
import { freePort } from '../testkit/redis-server';
import { createTestDatabase, serverUrlOf, type TestDatabase } from '../testkit/test-database';

let commandLine: CommandLine;
let database: TestDatabase;
let databaseUrl: string;
let client: Client;
/** Started first, because it takes ten seconds. */
let withoutPostgres: Promise<CommandResult>;
beforeAll(async () => {
  commandLine = openCommandLine();
  const url = `postgres://127.0.0.1:${await freePort()}/db`;
  withoutPostgres = commandLine.runAlone(['parked', 'list'], { DATABASE_URL: url });
  database = await createTestDatabase();
  // PgBouncer keeps sessions open, and hides why PostgreSQL refuses a database.
  databaseUrl = serverUrlOf(database.url);
  client = new Client({ connectionString: databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
  await commandLine.close();
});

interface Served {
  child: ChildProcess;
  url: string;
  lines(): Record<string, unknown>[];
  exit: Promise<number | null>;
}

/** Runs `user-service serve` and resolves when it listens, ready or not. */
async function serve(databaseUrl: string): Promise<Served> {
  const child = spawn(process.execPath, ['bin/user-service.js', 'serve'], {
    cwd: commandLine.checkout,
    env: { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const lines = () =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await eventually(() => {
    const line = lines().find(({ msg }) => String(msg).startsWith('Server listening at'));
    if (!line) throw new Error(`it does not listen: ${output}`);
    return String(line['msg']).replace('Server listening at ', '');
  }, patient);
  return { child, url, lines, exit };
}

/** Starting a process takes long on a busy machine. */
const patient = { timeoutMs: 20_000 };
const readinessOf = async (url: string) => (await fetch(`${url}/health/ready`)).status;

it('serve logs that it waits for the migration lock, and SIGTERM ends it with 0', async () => {
  await client.query('BEGIN');
  await client.query('SELECT pg_advisory_xact_lock($1)', [lockKeys.migration]);
  const service = await serve(databaseUrl);
  const waiting = { level: 'warn', msg: 'waiting for the migration lock: another process is migrating' };
  await eventually(() => expect(service.lines()).toContainEqual(expect.objectContaining(waiting)), patient);
  expect(await readinessOf(service.url)).toBe(503);
  const stoppedAtMs = performance.now();
  service.child.kill('SIGTERM');
  expect(await service.exit).toBe(0);
  expect(performance.now() - stoppedAtMs).toBeLessThan(5_000);
  await client.query('ROLLBACK');
  const { rows } = await client.query(
    "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'user-service'",
  );
  expect(rows).toEqual([]);
});

describe('with a migration that fails', () => {
  const migration = 'NameUsersOfParkedMessages1795402000000';
  const reason = expect.stringMatching(/^42701 column .+ already exists$/);
  beforeAll(() => client.query('DELETE FROM schema_migrations WHERE name = $1', [migration]));

  it('migrate exits with 1 and prints its name and cause', async () => {
    const { code, stdout, stderr } = await commandLine.run(['migrate'], { DATABASE_URL: databaseUrl });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      new RegExp(`^error: Migration ${migration} failed: 42701 column .+ already exists$`, 'm'),
    );
  });

  it.each([
    ['parked list'],
    [`parked show ${uuidv7()}`],
    [`parked discard ${uuidv7()} --reason test`],
    ['audit verify'],
    ['recompute --fix'],
    ['audit archive unused.ndjson --before 2026-01-01T00:00:00Z'],
  ])('%s migrates nothing and exits with 1', async (command) => {
    const result = await commandLine.run(command.split(' '), { DATABASE_URL: databaseUrl });
    const stderr = 'error: Pending migrations: 1. Run user-service migrate first.\n';
    expect(result).toEqual({ code: 1, stdout: '', stderr });
  });

  it('serve stays unready and logs one error', async () => {
    const service = await serve(databaseUrl);
    const errors = () => service.lines().filter(({ level }) => level === 'error');
    await eventually(
      () => expect(errors()).toEqual([expect.objectContaining({ migration, reason })]),
      patient,
    );
    expect(await readinessOf(service.url)).toBe(503);
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
    expect(errors()).toHaveLength(1);
  });
});

it('a command fails immediately when PostgreSQL refuses the database', async () => {
  const url = new URL(databaseUrl);
  url.pathname = '/no_such_database';
  const { code, stderr } = await commandLine.run(['parked', 'list'], { DATABASE_URL: url.href });
  expect([code, stderr]).toEqual([1, 'error: database "no_such_database" does not exist\n']);
});

it('a replica is degraded while its relay cannot read the outbox', async () => {
  const app = await startTestApp();
  const readiness = async () => (await fetch(`${app.url}/health/ready`)).json();
  await app.sql('ALTER TABLE outbox_events RENAME TO hidden_outbox_events');
  await eventually(
    async () => expect(await readiness()).toEqual({ status: 'ready', degraded: ['relay'] }),
    patient,
  );
  await app.sql('ALTER TABLE hidden_outbox_events RENAME TO outbox_events');
  await eventually(async () => expect(await readiness()).toEqual({ status: 'ready', degraded: [] }), patient);
  await app.stop();
});

it('a command gives up after ten seconds without PostgreSQL, and names the cause', async () => {
  const { code, stderr } = await withoutPostgres;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error: PostgreSQL could not be reached within 10 s \(ECONNREFUSED\)\. Check DATABASE_URL\.$/m,
  );
});
