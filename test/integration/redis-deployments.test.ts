import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { createRedisClient, type RedisClient } from '../../src/redis/redis-client';
import { RedisRecordCache } from '../../src/redis/redis-record-cache';
import { startTestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { startRedisCluster, startSentinel } from '../testkit/redis-cluster';
import { freePort, startRedisServer } from '../testkit/redis-server';
import { startServiceProcess } from '../testkit/service-processes';
import { installedProgram } from '../testkit/service-startup';
import { createTestDatabase } from '../testkit/test-database';
import { connectTestRedis, findKeys } from '../testkit/test-redis';
import { newAmqpPrefix, newRedisPrefix } from '../testkit/test-run';
import { createUser } from '../testkit/users';
import { removeTopology } from '../testkit/witness';

let logged: Record<string, unknown>[];
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const clientOptions = { commandTimeoutMs: 2000, coolDownMs: 50 };

function connect(url: string): RedisClient {
  logged = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const client = createRedisClient(url, log, clientOptions);
  closers.push(() => client.close());
  return client;
}

const becomes = (client: RedisClient, status: 'ready' | 'degraded') =>
  eventually(() => expect(client.status()).toBe(status), { timeoutMs: 20_000 });

/** Started first, because the nodes need seconds to agree. */
let inCluster: Promise<void>;
beforeAll(() => {
  inCluster = cacheInCluster();
  // Its test awaits it later.
  inCluster.catch(() => undefined);
});

async function cacheInCluster(): Promise<void> {
  const cluster = await startRedisCluster();
  const client = createRedisClient(cluster.url, pino({ level: 'silent' }), clientOptions);
  try {
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
  } finally {
    await client.close();
    await cluster.stop();
  }
}

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

it('a Sentinel leads to the server that it watches', async () => {
  const server = await startRedisServer();
  closers.push(() => server.stop());
  const sentinel = await startSentinel(server.port);
  closers.push(() => sentinel.stop());
  const client = connect(sentinel.url);
  await becomes(client, 'ready');
  await expectCaching(client);
});

/** Starts a server that also speaks TLS, with a certificate for `localhost` that signs itself. */
async function startTlsServer(): Promise<{ url: string; certificate: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'redis-tls-'));
  closers.push(async () => rmSync(directory, { recursive: true }));
  const [certificate, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  execFileSync(
    installedProgram('openssl'),
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${key} -out ${certificate} -days 2
     -subj /CN=localhost -addext subjectAltName=DNS:localhost`.split(/\s+/),
    { stdio: 'ignore' },
  );
  const port = await freePort();
  const server = await startRedisServer(
    `--tls-port ${port} --tls-cert-file ${certificate} --tls-key-file ${key} --tls-auth-clients no`.split(
      ' ',
    ),
  );
  closers.push(() => server.stop());
  return { url: `rediss://localhost:${port}`, certificate };
}

it('a rediss:// server whose certificate is not trusted is degraded, and the log has the reason', async () => {
  const { url } = await startTlsServer();
  const client = connect(url);
  await eventually(() =>
    expect(logged).toEqual([expect.objectContaining({ reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' })]),
  );
  expect(client.status()).toBe('degraded');
});

it('a rediss:// server is used when NODE_EXTRA_CA_CERTS names its authority', async () => {
  const { url, certificate } = await startTlsServer();
  const database = await createTestDatabase();
  closers.push(() => database.drop());
  const directory = mkdtempSync(join(tmpdir(), 'user-service-'));
  closers.push(async () => rmSync(directory, { recursive: true }));
  const amqpPrefix = newAmqpPrefix();
  closers.push(() => removeTopology(amqpPrefix));
  const service = await startServiceProcess({
    databaseUrl: database.url,
    redisUrl: url,
    amqpUrl: process.env['TEST_AMQP_URL'] ?? '',
    redisPrefix: newRedisPrefix(),
    amqpPrefix,
    directory,
    env: { NODE_EXTRA_CA_CERTS: certificate },
  });
  closers.push(() => service.stop());
  await eventually(async () => {
    const response = await fetch(`${service.url}/health/ready`);
    expect(await response.json()).toEqual({ status: 'ready', degraded: [] });
  });
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

it('a cluster of three nodes caches records of all slots, and is degraded while a node is away', async () => {
  await expect(inCluster).resolves.toBeUndefined();
}, 60_000);
