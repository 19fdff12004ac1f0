import { Client } from 'pg';
import { createDataSource, migrate, openDatabase } from '../../src/data-source';
import { prepared } from '../../src/postgres/prepared';
import { createLogger } from '../../src/telemetry/logger';
import { startTestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { type PgBouncer, startPgBouncer } from '../testkit/pgbouncer';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { createUser, mutate } from '../testkit/users';
import { startWitness } from '../testkit/witness';

const log = createLogger({ level: 'silent' });
let bouncer: PgBouncer;
let testDatabase: TestDatabase;
let url: string;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  bouncer = await startPgBouncer(testDatabase.url, { poolSize: 4 });
  url = bouncer.urlOf(testDatabase.url);
}, 300_000);
afterAll(async () => {
  await bouncer.stop();
  await testDatabase.drop();
});

/** Runs a statement directly on PostgreSQL. */
async function sql<Row>(text: string): Promise<Row[]> {
  const client = new Client({ connectionString: testDatabase.url });
  await client.connect();
  try {
    return (await client.query(text)).rows as Row[];
  } finally {
    await client.end();
  }
}

/** Reverts the migrations and drops their list. */
async function emptyDatabase(): Promise<void> {
  const dataSource = createDataSource({ url: testDatabase.url, log, deadlines: false });
  await dataSource.initialize();
  for (const _migration of dataSource.migrations) await dataSource.undoLastMigration();
  await dataSource.query('DROP TABLE schema_migrations');
  await dataSource.destroy();
}

describe('behind PgBouncer in transaction mode', () => {
  it('replicas that start concurrently migrate once and leave no lock behind', async () => {
    await emptyDatabase();
    const ran = await Promise.all(Array.from({ length: 5 }, () => migrate(url, log)));
    expect(ran.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await migrate(url, log)).toEqual([]);
    const locks = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    expect(await sql(locks)).toEqual([]);
  });

  it('two replicas serve, publish every event and are ready', async () => {
    const app = await startTestApp({ config: { databaseUrl: url } });
    const replica = await startTestApp({ replicaOf: app });
    const witness = await startWitness(`${app.amqpPrefix}user.events`);
    const users = await Promise.all(Array.from({ length: 30 }, () => createUser(app)));
    await Promise.all(
      users.map(({ id: userId }) => mutate(replica, 'updateUser', { userId, displayName: 'Ada' })),
    );
    await eventually(() => {
      const types = users.map(({ id }) => witness.of(id).map(({ event }) => event['type']));
      expect(types).toEqual(users.map(() => ['UserCreated', 'UserUpdated']));
    });
    for (const { url: address } of [app, replica]) {
      const response = await fetch(`${address}/health/ready`);
      expect(await response.json()).toEqual({ status: 'ready', degraded: [] });
    }
    await witness.close();
    await replica.stop();
    await app.stop();
  });

  it('a prepared statement runs on any session', async () => {
    const database = openDatabase(url, log, 8);
    await database.connect();
    const doubled = prepared('SELECT $1::integer * 2 AS doubled');
    const numbers = Array.from({ length: 16 }, (_, number) => number);
    const rows = await Promise.all(numbers.map((number) => database.query(doubled, [number])));
    expect(rows).toEqual(numbers.map((number) => [{ doubled: number * 2 }]));
    await database.close();
  });

  it('PostgreSQL cancels a statement after the timeout, alone or in a transaction, and other clients keep their settings', async () => {
    const sleep = 'SELECT pg_sleep(60)';
    const [one, other] = [openDatabase(url, log, 1), openDatabase(url, log, 1)];
    await Promise.all([one.connect(), other.connect()]);
    const outcomes = await Promise.allSettled([
      one.query(sleep),
      other.transaction((tx) => tx.manager.query(sleep)),
    ]);
    const cancelled = { status: 'rejected', reason: { cause: { code: '57014' } } };
    expect(outcomes).toMatchObject([cancelled, cancelled]);
    await Promise.all([one.close(), other.close()]);
    const others = Array.from({ length: 4 }, () => new Client({ connectionString: url }));
    await Promise.all(others.map((client) => client.connect()));
    const timeouts = others.map((client) =>
      client.query('SELECT pg_sleep(0.1), current_setting($1) AS it', ['statement_timeout']),
    );
    expect((await Promise.all(timeouts)).map(({ rows }) => rows[0].it)).toEqual(['0', '0', '0', '0']);
    await Promise.all(others.map((client) => client.end()));
  });

  it('PostgreSQL cancels the running statement of an aborted query', async () => {
    const database = openDatabase(url, log, 1);
    await database.connect();
    const sleepers = () =>
      sql(`SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(2.3)' AND state = 'active'`);
    const controller = new AbortController();
    const query = database.query('SELECT pg_sleep(2.3)', [], controller.signal);
    query.catch(() => undefined);
    await eventually(async () => expect(await sleepers()).toHaveLength(1));
    const abortedAtMs = performance.now();
    controller.abort(new Error('abandoned'));
    await expect(query).rejects.toThrow('abandoned');
    await eventually(async () => expect(await sleepers()).toEqual([]));
    expect(performance.now() - abortedAtMs).toBeLessThan(1_500);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
  });

  it('a failed single statement rolls back and leaves its connection usable', async () => {
    const database = openDatabase(url, log, 1);
    await database.connect();
    await expect(database.query('SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' });
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
  });
});
