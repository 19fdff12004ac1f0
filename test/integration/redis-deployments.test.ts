import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { createRedisClient, type RedisClient } from '../../src/redis/redis-client';
import { RedisRecordCache } from '../../src/redis/redis-record-cache';
import { startTestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { startRedisCluster, startSentinel } from '../testkit/redis-cluster';
import { startRedisServer } from '../testkit/redis-server';
import { connectTestRedis, findKeys } from '../testkit/test-redis';
import { createUser } from '../testkit/users';

let logged: Record<string, unknown>[];
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function connect(url: string): RedisClient {
  logged = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const client = createRedisClient(url, log, { commandTimeoutMs: 2000, coolDownMs: 50 });
  closers.push(() => client.close());
  return client;
}

const becomes = (client: RedisClient, status: 'ready' | 'degraded') =>
  eventually(() => expect(client.status()).toBe(status), { timeoutMs: 20_000 });

/** Writes, reads and buries more records than one node of a cluster would have. */
async function expectCaching(client: RedisClient): Promise<void> {
  const cache = new RedisRecordCache(client, () => 'test:');
  const ids = Array.from({ length: 60 }, () => randomUUID());
  expect(await cache.putMany(ids.map((id) => ({ id, revision: 1, text: `"${id}"` })))).toEqual(
    ids.map(() => true),
  );
  expect(await cache.getMany(ids)).toEqual(
    ids.map((id) => ({ kind: 'value', revision: 1, text: `"${id}"` })),
  );
  await Promise.all(ids.map((id) => cache.bury(id)));
  expect(await cache.getMany(ids)).toEqual(ids.map(() => ({ kind: 'tombstone' })));
}

it('a cluster of three nodes caches records of all slots, and is degraded while a node is away', async () => {
  const cluster = await startRedisCluster();
  closers.push(() => cluster.stop());
  const client = connect(cluster.url);
  await becomes(client, 'ready');
  await expectCaching(client);
  await cluster.nodes[2]?.stop();
  const cache = new RedisRecordCache(client, () => 'test:');
  const ids = Array.from({ length: 30 }, () => randomUUID());
  await eventually(
    async () => {
      await cache.getMany(ids).catch(() => undefined);
      expect(client.status()).toBe('degraded');
    },
    { timeoutMs: 20_000 },
  );
}, 60_000);

it('a Sentinel leads to the server that it watches', async () => {
  const server = await startRedisServer();
  closers.push(() => server.stop());
  const sentinel = await startSentinel(server.port);
  closers.push(() => sentinel.stop());
  const client = connect(sentinel.url);
  await becomes(client, 'ready');
  await expectCaching(client);
});

it('a database index that Redis refuses is degraded, and database 0 stays empty', async () => {
  const server = await startRedisServer(['--databases', '2']);
  closers.push(() => server.stop());
  const client = connect(`${server.url}/7`);
  await eventually(() => expect(logged).toHaveLength(1));
  await expect(eventually(() => expect(client.status()).toBe('ready'), { timeoutMs: 500 })).rejects.toThrow();
  expect(logged).toEqual([
    expect.objectContaining({ msg: 'Redis is unavailable; reads bypass the cache', database: 7 }),
  ]);
  const direct = new Redis(server.url);
  expect(await direct.dbsize()).toBe(0);
  direct.disconnect();
});

it('a user without scripting is degraded, and does not alternate', async () => {
  const server = await startRedisServer();
  closers.push(() => server.stop());
  const admin = new Redis(server.url);
  await admin.call('ACL', 'SETUSER', 'reader', 'on', '>pw', '~*', '+@all', '-@scripting');
  admin.disconnect();
  const client = connect(server.url.replace('//', '//reader:pw@'));
  await eventually(() => expect(logged).toHaveLength(1));
  await expect(eventually(() => expect(client.status()).toBe('ready'), { timeoutMs: 500 })).rejects.toThrow();
  expect(logged).toEqual([expect.objectContaining({ reason: 'NOPERM' })]);
});

it('every key contains the id of the database', async () => {
  const app = await startTestApp();
  const { id } = await createUser(app);
  const [identity] = await app.sql<{ id: string }>('SELECT id FROM database_identity');
  const redis = connectTestRedis();
  await eventually(async () => {
    await app.graphql('query ($id: ID!) { user(id: $id) { email } }', { id }, { token: app.staff });
    expect(await findKeys(redis, app.redisPrefix)).toEqual([`${app.redisPrefix}${identity?.id}:${id}`]);
  });
  redis.disconnect();
  await app.stop();
});
