import { Redis } from 'ioredis';
import { pino } from 'pino';
import { createRedisClient, type RedisClient } from '../../src/redis/redis-client';
import { RedisRecordCache } from '../../src/redis/redis-record-cache';
import { eventually } from '../testkit/eventually';
import { ProfileTable, readThrough } from '../testkit/read-through';
import { freePort, type RedisServer, startRedisServer } from '../testkit/redis-server';

const ada = { id: 'a', name: 'Ada' };
let client: RedisClient;
let table: ProfileTable;
let logged: string[];
let profiles: ReturnType<typeof readThrough>['profiles'];
const servers: RedisServer[] = [];

const start = async (...args: Parameters<typeof startRedisServer>) => {
  const server = await startRedisServer(...args);
  servers.push(server);
  return server;
};

const connect = (url: string) => {
  logged = [];
  const log = pino({ level: 'info' }, { write: (line) => void logged.push(line) });
  client = createRedisClient(url, log);
  table = new ProfileTable();
  table.set('a', 'Ada', 1);
  profiles = readThrough(new RedisRecordCache(client, () => 'test:'), table).profiles;
};

const becomes = (status: 'ready' | 'degraded') => eventually(() => expect(client.status()).toBe(status));

/** Retries a change until Redis has stored it, as it may time out on a busy machine. */
const eventuallyStored = (change: () => Promise<boolean>) =>
  eventually(async () => expect(await change()).toBe(true));

/** Returns the durations of sequential calls in milliseconds. Calls read, write and bury in turn. */
const durationsMs = async (calls: number): Promise<number[]> => {
  const durations: number[] = [];
  for (let call = 0; call < calls; call += 1) {
    const startedAtMs = performance.now();
    if (call % 3 === 0) expect((await profiles.getMany(['a'])).get('a')?.name).toBe('Ada');
    else if (call % 3 === 1) await profiles.write(ada, call + 2);
    else await profiles.bury(`gone-${call}`);
    durations.push(performance.now() - startedAtMs);
  }
  return durations;
};

/** Asserts that nine of ten calls took less than 20 ms, far less than a timeout. One in ten may be slow on a busy machine. */
const expectNoWaiting = (durations: number[]) => {
  const sorted = durations.toSorted((one, other) => one - other);
  expect(sorted[Math.floor(sorted.length * 0.9)]).toBeLessThan(20);
};

afterEach(async () => {
  await client.close();
  for (const server of servers.splice(0)) await server.stop();
});

describe('an unavailable Redis', () => {
  it('delays no call, and is used once it starts', async () => {
    const port = await freePort();
    connect(`redis://127.0.0.1:${port}`);
    expectNoWaiting(await durationsMs(30));
    expect(client.status()).toBe('degraded');

    await start([], port);
    await becomes('ready');
    await eventuallyStored(() => profiles.write(ada, 99));
  });

  it('is logged once, and once when it is ready again, without its password', async () => {
    const port = await freePort();
    connect(`redis://:hush@127.0.0.1:${port}`);
    await eventually(() => expect(logged).toHaveLength(1));
    await durationsMs(10);
    await start(['--requirepass', 'hush'], port);
    await becomes('ready');

    expect(logged.map((line) => JSON.parse(line).msg)).toEqual([
      'Redis is unavailable; reads bypass the cache',
      'Redis is ready',
    ]);
    expect(logged.join()).not.toContain('hush');
  });

  it('fails no call under load, and is used again after a restart', async () => {
    const server = await start();
    connect(server.url);
    await becomes('ready');
    let stopped = false;
    const load = Promise.all(
      Array.from({ length: 20 }, async () => {
        while (!stopped) {
          expect((await profiles.getMany(['a'])).get('a')?.name).toBe('Ada');
          await profiles.write(ada, 2);
        }
      }),
    );
    await server.stop();
    await becomes('degraded');
    await start([], server.port);
    await becomes('ready');
    stopped = true;
    await load;
    await eventuallyStored(() => profiles.write(ada, 3));
  });
});

describe('a frozen Redis', () => {
  it('delays a few calls by one timeout, the others not at all, and is used again after thawing', async () => {
    const server = await start();
    connect(server.url);
    await becomes('ready');
    await eventuallyStored(() => profiles.write(ada, 1));

    server.freeze();
    expect(Math.max(...(await durationsMs(6)))).toBeLessThan(250);
    await becomes('degraded');
    const startedAtMs = performance.now();
    const durations: number[] = [];
    while (performance.now() - startedAtMs < 1500) durations.push(...(await durationsMs(3)));
    expectNoWaiting(durations);

    server.thaw();
    await becomes('ready');
    await eventuallyStored(() => profiles.write(ada, 1000));
  });

  it('delays 500 concurrent reads of 500 records by one timeout in total', async () => {
    const server = await start();
    connect(server.url);
    await becomes('ready');
    const ids = Array.from({ length: 500 }, (_, at) => `r-${at}`);
    for (const id of ids) table.set(id, id, 1);

    server.freeze();
    const startedAtMs = performance.now();
    const results = await Promise.all(ids.map((id) => profiles.getMany([id])));
    expect(performance.now() - startedAtMs).toBeLessThan(250);
    expect(results.map((result) => [...result.values()][0]?.name)).toEqual(ids);
    expect(table.queries).toHaveLength(1);
  });

  it('delays neither the first calls nor close', async () => {
    const server = await start();
    server.freeze();
    connect(server.url);
    expectNoWaiting(await durationsMs(30));
    const startedAtMs = performance.now();
    await client.close();
    expect(performance.now() - startedAtMs).toBeLessThan(400);
  });
});

describe('a Redis that rejects commands', () => {
  it('is not used without its password', async () => {
    const server = await start(['--requirepass', 'hush']);
    connect(server.url);
    expectNoWaiting(await durationsMs(30));
    await eventually(() => expect(logged.join()).toContain('NOAUTH'));
    expect(client.status()).toBe('degraded');
  });

  it('is not used if it is a read-only replica, and is used once it is none', async () => {
    const primary = await start();
    const server = await start([
      '--replicaof',
      '127.0.0.1',
      `${primary.port}`,
      '--replica-serve-stale-data',
      'yes',
    ]);
    connect(server.url);
    await eventually(() => expect(logged.join()).toContain('READONLY'));
    expect(client.status()).toBe('degraded');
    expect(logged.join()).not.toContain('ready');

    const operator = new Redis(server.url);
    await operator.replicaof('NO', 'ONE');
    operator.disconnect();
    await becomes('ready');
  });

  it('is not used while it is a read-only replica after a failover', async () => {
    const primary = await start();
    const server = await start();
    const operator = new Redis(server.url);
    connect(server.url);
    await becomes('ready');

    await operator.replicaof('127.0.0.1', primary.port);
    expect(await profiles.write(ada, 1)).toBe(false);
    expect(client.status()).toBe('degraded');
    expectNoWaiting(await durationsMs(30));
    expect(logged.join()).toContain('READONLY');

    await operator.replicaof('NO', 'ONE');
    operator.disconnect();
    await becomes('ready');
    await eventuallyStored(() => profiles.write(ada, 1));
  });

  it('is not read while its memory is full, as it would reject tombstones', async () => {
    const server = await start(['--maxmemory-policy', 'noeviction']);
    const operator = new Redis(server.url);
    connect(server.url);
    await becomes('ready');
    await eventuallyStored(() => profiles.write(ada, 1));

    await operator.config('SET', 'maxmemory', '1');
    table.rows.delete('a');
    expect(await profiles.bury('a')).toBe(false);
    expect(client.status()).toBe('degraded');
    expect((await profiles.getMany(['a'])).get('a')).toBeNull();

    await operator.config('SET', 'maxmemory', '0');
    operator.disconnect();
    await becomes('ready');
    await eventuallyStored(() => profiles.bury('a'));
  });
});
