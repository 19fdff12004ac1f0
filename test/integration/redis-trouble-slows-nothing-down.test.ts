import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { createRedisClient, type RedisClient, RedisUnavailableError } from '../../src/redis/redis-client';
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
  profiles = readThrough(new RedisRecordCache(client, 'test:'), table).profiles;
};

const becomes = (status: 'ready' | 'degraded') => eventually(() => expect(client.status()).toBe(status));

/** The change reaches Redis, on a busy machine perhaps not within the first timeout. */
const reaches = (change: () => Promise<boolean>) => eventually(async () => expect(await change()).toBe(true));

/** How long calls took, one after the other, in milliseconds; they read, write and bury in turn. */
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

/** Nine of ten took less than 20 ms, far less than a timeout; the tenth is for a busy machine. */
const expectNoWaiting = (durations: number[]) => {
  const sorted = durations.toSorted((one, other) => one - other);
  expect(sorted[Math.floor(sorted.length * 0.9)]).toBeLessThan(20);
};

afterEach(async () => {
  await client.close();
  for (const server of servers.splice(0)) await server.stop();
});

describe('an absent Redis', () => {
  it('costs no call anything, and is used when it comes', async () => {
    const port = await freePort();
    connect(`redis://127.0.0.1:${port}`);
    expectNoWaiting(await durationsMs(30));
    expect(client.status()).toBe('degraded');

    await start([], port);
    await becomes('ready');
    await reaches(() => profiles.write(ada, 99));
  });

  it('is reported once when it goes away and once when it is back, without its address or data', async () => {
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

  it('loses nobody a request when it goes away under load and is used again when it is back', async () => {
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
    await reaches(() => profiles.write(ada, 3));
  });
});

describe('a frozen Redis', () => {
  it('costs a few calls one timeout, the others nothing, and is used within seconds of thawing', async () => {
    const server = await start();
    connect(server.url);
    await becomes('ready');
    await reaches(() => profiles.write(ada, 1));

    server.freeze();
    expect(Math.max(...(await durationsMs(6)))).toBeLessThan(250);
    await becomes('degraded');
    const startedAtMs = performance.now();
    const durations: number[] = [];
    while (performance.now() - startedAtMs < 1500) durations.push(...(await durationsMs(3)));
    expectNoWaiting(durations);

    server.thaw();
    await becomes('ready');
    await reaches(() => profiles.write(ada, 1000));
  });

  it('lets 500 readers of 500 records wait no longer than one of them', async () => {
    const server = await start();
    connect(server.url);
    await becomes('ready');
    const ids = Array.from({ length: 500 }, (_, at) => `r-${at}`);
    for (const id of ids) table.set(id, id, 1);

    server.freeze();
    const startedAtMs = performance.now();
    const answers = await Promise.all(ids.map((id) => profiles.getMany([id])));
    expect(performance.now() - startedAtMs).toBeLessThan(250);
    expect(answers.map((answer) => [...answer.values()][0]?.name)).toEqual(ids);
    expect(table.queries).toHaveLength(1);
  });

  it('does not hold up the start or the end', async () => {
    const server = await start();
    server.freeze();
    connect(server.url);
    expectNoWaiting(await durationsMs(30));
    const startedAtMs = performance.now();
    await client.close();
    expect(performance.now() - startedAtMs).toBeLessThan(400);
  });
});

describe('a Redis that refuses', () => {
  it('is not used without the password it asks for', async () => {
    const server = await start(['--requirepass', 'hush']);
    connect(server.url);
    expectNoWaiting(await durationsMs(30));
    await eventually(() => expect(logged.join()).toContain('NOAUTH'));
    expect(client.status()).toBe('degraded');
  });

  it('is not used where it is a replica from the start', async () => {
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
  });

  it('is not used while it is a replica after a failover', async () => {
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
    await reaches(() => profiles.write(ada, 1));
  });

  it('is not read once its memory is full, for it would not take a tombstone', async () => {
    const server = await start(['--maxmemory-policy', 'noeviction']);
    const operator = new Redis(server.url);
    connect(server.url);
    await becomes('ready');
    await reaches(() => profiles.write(ada, 1));

    await operator.config('SET', 'maxmemory', '1');
    table.rows.delete('a');
    expect(await profiles.bury('a')).toBe(false);
    expect(client.status()).toBe('degraded');
    expect((await profiles.getMany(['a'])).get('a')).toBeNull();

    await operator.config('SET', 'maxmemory', '0');
    operator.disconnect();
    await becomes('ready');
    await reaches(() => profiles.bury('a'));
  });
});

describe('the Redis client', () => {
  it('fails what is under way when the connection breaks, without waiting for its timeout', async () => {
    const server = await start();
    connect(server.url);
    await becomes('ready');
    server.freeze();
    const underWay = client.run((redis) => redis.ping());
    await Promise.all([expect(underWay).rejects.not.toMatchObject({ reason: 'TIMEOUT' }), server.stop()]);
  });

  it('takes commands that fail together for one failure, as when its own process stood still', async () => {
    const server = await start();
    connect(server.url);
    await becomes('ready');
    server.freeze();
    const answers = Array.from({ length: 10 }, () => client.run((redis) => redis.ping()).catch(() => 'late'));
    expect(await Promise.all(answers)).toEqual(answers.map(() => 'late'));
    expect(client.status()).toBe('ready');
  });

  it('says why a command failed without saying what it carried', async () => {
    const server = await start();
    connect(server.url);
    await becomes('ready');
    const failed = client.run((redis) => redis.call('NOSUCHCOMMAND', 'secret@example.com'));
    await expect(failed).rejects.toThrow(RedisUnavailableError);
    await expect(failed.catch((error: unknown) => inspect(error))).resolves.not.toContain('secret');
    expect(client.status()).toBe('ready');
  });

  it('ends with the process not waiting for it, once or twice', async () => {
    const server = await start();
    connect(server.url);
    await becomes('ready');
    await client.close();
    await client.close();
    expect(client.status()).toBe('degraded');
    await expect(client.run((redis) => redis.ping())).rejects.toThrow(RedisUnavailableError);
  });
});
