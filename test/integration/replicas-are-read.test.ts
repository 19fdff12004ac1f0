import { Client } from 'pg';
import { openDatabase, openReplica } from '../../src/data-source';
import { ReadReplicas } from '../../src/postgres/read-replicas';
import { createServiceLog } from '../../src/service-log';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { scrape } from '../testkit/metrics';
import { type ReplicatedPostgres, startReplicatedPostgres } from '../testkit/streaming-replica';
import { startTcpProxy } from '../testkit/tcp-proxy';
import { createTestDatabase } from '../testkit/test-database';

/** A replica replays what all other tests write, which takes longer on a busy machine. */
const caughtUp = { timeoutMs: 20_000 };

let postgres: ReplicatedPostgres;
let app: TestApp;
/** A second replica of the service. */
let second: TestApp;
let replica: Client;

beforeAll(async () => {
  postgres = await startReplicatedPostgres();
  const config = { databaseUrl: postgres.primaryUrl, databaseReplicaUrls: [postgres.replica.url] };
  app = await startTestApp({ config });
  second = await startTestApp({ config, replicaOf: app });
  replica = new Client({ connectionString: postgres.replica.url });
  replica.on('error', () => undefined);
  await replica.connect();
  await eventually(async () => expect(await degraded()).toEqual([]), caughtUp);
}, 60_000);

afterAll(async () => {
  await replica?.end();
  await second?.stop();
  await app?.stop();
  await postgres?.stop();
});

const degraded = async (of = app) =>
  ((await (await fetch(`${of.url}/health/ready`)).json()) as { degraded: string[] }).degraded;

const staff = (sub: string) => app.token({ sub, scope: 'users:read users:write' });

async function createUser(token: string, email: string, on = app): Promise<{ id: string; history: unknown }> {
  const { data } = await on.graphql(
    `mutation ($input: CreateUserInput!) { createUser(input: $input) { ... on CreateUserSuccess { user { id history { nodes { type } } } } } }`,
    { input: { email, firstName: 'Ada', lastName: 'Lovelace' } },
    { token },
  );
  return data.createUser.user;
}

/** What this replica of the service returns to the caller about a user: types in the history, ids in the list. */
async function read(userId: string, token: string, from = app) {
  const { data, errors } = await from.graphql(
    `query ($id: ID!) { user(id: $id) { commerce { orderCount } history { nodes { type } } }
       users(filter: { ids: [$id] }) { totalCount nodes { id } } }`,
    { id: userId },
    { token },
  );
  expect(errors).toEqual([]);
  const { user, users } = data;
  return { types: user.history.nodes.map((it: { type: string }) => it.type), users: users.totalCount };
}

const present = { types: ['USER_CREATED'], users: 1 };
const absent = { types: [], users: 0 };

async function replayWith(action: 'pause' | 'resume'): Promise<void> {
  await replica.query(`SELECT pg_wal_replay_${action}()`);
}

it('callers read their own changes on each replica of the service, others what the replica of PostgreSQL has', async () => {
  await replayWith('pause');
  const writer = await staff('writer');
  const user = await createUser(writer, 'own@example.com');
  expect(user.history).toEqual({ nodes: [{ type: 'USER_CREATED' }] });
  expect(await read(user.id, await staff('reader'))).toEqual(absent);
  expect(await read(user.id, writer)).toEqual(present);
  expect(await read(user.id, writer, second)).toEqual(present);

  await replayWith('resume');
  const reader = await staff('reader');
  await eventually(async () => expect(await read(user.id, reader)).toEqual(present), caughtUp);
});

it('a replica that is more than five seconds late is not read until it has caught up', async () => {
  await replayWith('pause');
  const user = await createUser(await staff('writer'), 'late@example.com');
  const reader = await staff('reader');
  expect(await read(user.id, reader)).toEqual(absent);
  await eventually(async () => expect(await read(user.id, reader)).toEqual(present), caughtUp);
  expect(await degraded()).toEqual(['replica']);
  await replayWith('resume');
  await eventually(async () => expect(await degraded()).toEqual([]), caughtUp);
});

it('callers read their own changes when Redis was away during the change', async () => {
  const config = { databaseUrl: postgres.primaryUrl, databaseReplicaUrls: [postgres.replica.url] };
  const lone = await startTestApp({ config: { ...config, redisUrl: 'redis://127.0.0.1:1' }, replicaOf: app });
  await eventually(async () => expect(await degraded(lone)).toEqual(['redis']));
  const writer = await staff('lone-writer');
  await replayWith('pause');
  setTimeout(() => void replayWith('resume'), 500);
  const user = await createUser(writer, 'lone@example.com', lone);
  expect(await read(user.id, writer)).toEqual(present);
  await lone.stop();
});

it('callers read their own changes when Redis is away during the read', async () => {
  const config = { databaseUrl: postgres.primaryUrl, databaseReplicaUrls: [postgres.replica.url] };
  const lone = await startTestApp({ config: { ...config, redisUrl: 'redis://127.0.0.1:1' }, replicaOf: app });
  await eventually(async () => expect(await degraded(lone)).toEqual(['redis']));
  const writer = await staff('reader-without-redis');
  await replayWith('pause');
  const user = await createUser(writer, 'unseen@example.com');
  const seen = await read(user.id, writer, lone);
  await replayWith('resume');
  expect(seen).toEqual(present);
  await lone.stop();
});

it('a server that is no replica of the database is not read', async () => {
  const database = await createTestDatabase();
  const misled = await startTestApp({ config: { databaseReplicaUrls: [database.url] } });
  const token = await misled.token({ sub: 'writer', scope: 'users:write' });
  const other = await misled.token({ sub: 'reader', scope: 'users:read' });
  const user = await createUser(token, 'here@example.com', misled);
  await eventually(async () => expect(await degraded(misled)).toEqual(['replica']));
  const up = { name: 'user_service_dependency_up', labels: { dependency: 'replica-1' }, value: 0 };
  expect(await scrape(misled.url)).toContainEqual(up);
  expect(await read(user.id, other, misled)).toEqual(present);
  await misled.stop();
  await database.drop();
});

/** Reads the replica without the service: at this URL, and at others. The log's lines are in `lines`. */
async function openReplicas(...urls: string[]) {
  const lines: object[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as object) };
  const log = createServiceLog({ level: 'info', destination });
  const primary = openDatabase(postgres.primaryUrl, log, 2);
  const named = urls.map((url, index) => {
    const name = `replica-${index + 1}`;
    return { name, database: openReplica(url, log, { name, poolSize: 2 }) };
  });
  const databases = [primary, ...named.map(({ database }) => database)];
  await Promise.all(databases.map((database) => database.connect()));
  const replicas = new ReadReplicas({ primary, replicas: named, log });
  replicas.start();
  await eventually(() => expect(replicas.status()).toBe('ready'), caughtUp);
  return {
    primary,
    replicas,
    lines,
    async close() {
      await replicas.stop();
      await Promise.all(databases.map((database) => database.close()));
    },
  };
}

it('replicas are read in rotation, and a frozen one delays no poll of another, is named in the log and degrades the status', async () => {
  const proxy = await startTcpProxy(postgres.replica.url);
  const { primary, replicas, lines, close } = await openReplicas(postgres.replica.url, proxy.url);
  // In rotation.
  const [one, other, again] = [replicas.choose(0), replicas.choose(0), replicas.choose(0)];
  expect([one === other, one === again]).toEqual([false, true]);
  await primary.query('CREATE TABLE changes (at timestamptz)');
  proxy.freeze();
  for (let change = 0; change < 3; change += 1) {
    await primary.query('INSERT INTO changes VALUES (now())');
    const position = await replicas.currentPosition();
    await eventually(() => expect(replicas.choose(position)).not.toBeNull(), { timeoutMs: 1_500 });
  }
  const unread = expect.stringContaining('a replica of PostgreSQL is not read');
  await eventually(() => expect(lines).toContainEqual(expect.objectContaining({ msg: unread })), {
    timeoutMs: 15_000,
  });
  expect(lines).toContainEqual(expect.objectContaining({ msg: unread, replica: 'replica-2' }));
  expect(lines).not.toContainEqual(expect.objectContaining({ replica: 'replica-1' }));
  expect(replicas.status()).toBe('degraded');
  await close();
  await proxy.close();
}, 60_000);

it('a read that the replica cancels to apply a change goes to the primary', async () => {
  const { replicas, close } = await openReplicas(postgres.replica.url);
  const primary = new Client({ connectionString: postgres.primaryUrl });
  await primary.connect();
  await primary.query('CREATE TABLE removed (number integer)');
  await replica.query('ALTER SYSTEM SET max_standby_streaming_delay = 0');
  await replica.query('SELECT pg_reload_conf()');
  try {
    // Again if the statement ended before the replica applied the removal.
    await eventually(
      async () => {
        const reading = replicas.choose(0)?.query('SELECT pg_is_in_recovery() AS late, pg_sleep(2.2)');
        const sleeping = `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(2.2)' AND state = 'active'`;
        await eventually(async () => expect((await replica.query(sleeping)).rows).toHaveLength(1));
        // The replica applies the removal of rows that the statement may need.
        await primary.query('INSERT INTO removed VALUES (1)');
        await primary.query('DELETE FROM removed');
        await primary.query('VACUUM removed');
        expect(await reading).toMatchObject([{ late: false }]);
      },
      { timeoutMs: 20_000 },
    );
    const conflicts = 'SELECT FROM pg_stat_database_conflicts WHERE confl_snapshot > 0';
    await eventually(async () => expect((await replica.query(conflicts)).rows).toHaveLength(1));
  } finally {
    await replica.query('ALTER SYSTEM RESET max_standby_streaming_delay');
    await replica.query('SELECT pg_reload_conf()');
    await primary.end();
    await close();
  }
}, 30_000);

it('reads go to the primary without an error when the replica ends', async () => {
  const user = await createUser(await staff('writer'), 'ended@example.com');
  const reader = await staff('reader');
  await eventually(async () => expect(await read(user.id, reader)).toEqual(present), caughtUp);
  await replica.end();
  await postgres.replica.stop();
  expect(await read(user.id, reader)).toEqual(present);
  await eventually(async () => expect(await degraded()).toEqual(['replica']), { timeoutMs: 10_000 });
  expect(await read(user.id, reader)).toEqual(present);
});
