import { Client } from 'pg';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { type ReplicatedPostgres, startReplicatedPostgres } from '../testkit/streaming-replica';
import { createTestDatabase } from '../testkit/test-database';

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
  await eventually(async () => expect(await degraded()).toEqual([]));
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
  await eventually(async () => expect(await read(user.id, reader)).toEqual(present));
});

it('a replica that is more than five seconds late is not read until it has caught up', async () => {
  await replayWith('pause');
  const user = await createUser(await staff('writer'), 'late@example.com');
  const reader = await staff('reader');
  expect(await read(user.id, reader)).toEqual(absent);
  await eventually(async () => expect(await read(user.id, reader)).toEqual(present), { timeoutMs: 10_000 });
  expect(await degraded()).toEqual(['replica']);
  await replayWith('resume');
  await eventually(async () => expect(await degraded()).toEqual([]));
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

it('a server that is no replica of the database is not read', async () => {
  const database = await createTestDatabase();
  const misled = await startTestApp({ config: { databaseReplicaUrls: [database.url] } });
  const token = await misled.token({ sub: 'writer', scope: 'users:write' });
  const other = await misled.token({ sub: 'reader', scope: 'users:read' });
  const user = await createUser(token, 'here@example.com', misled);
  await eventually(async () => expect(await degraded(misled)).toEqual(['replica']));
  expect(await read(user.id, other, misled)).toEqual(present);
  await misled.stop();
  await database.drop();
});

it('reads go to the primary without an error when the replica ends', async () => {
  const user = await createUser(await staff('writer'), 'ended@example.com');
  const reader = await staff('reader');
  await eventually(async () => expect(await read(user.id, reader)).toEqual(present));
  await replica.end();
  await postgres.replica.stop();
  expect(await read(user.id, reader)).toEqual(present);
  await eventually(async () => expect(await degraded()).toEqual(['replica']), { timeoutMs: 10_000 });
  expect(await read(user.id, reader)).toEqual(present);
});
