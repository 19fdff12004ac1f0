import { inspect } from 'node:util';
import { createRedisClient, type RedisClient, RedisUnavailableError } from '../../src/redis/redis-client';
import { createLogger } from '../../src/telemetry/logger';
import { eventually } from '../testkit/eventually';
import { type RedisServer, startRedisServer } from '../testkit/redis-server';

let server: RedisServer;
let client: RedisClient;
beforeEach(async () => {
  server = await startRedisServer();
  client = createRedisClient(server.url, createLogger({ level: 'silent' }));
  await eventually(() => expect(client.status()).toBe('ready'));
});
afterEach(async () => {
  await client.close();
  await server.stop();
});

describe('the Redis client', () => {
  it('rejects commands in flight when the connection breaks, before their timeout', async () => {
    server.freeze();
    const inFlight = client.run((redis) => redis.ping());
    await Promise.all([expect(inFlight).rejects.not.toMatchObject({ reason: 'TIMEOUT' }), server.stop()]);
  });

  it('is degraded once its connection is closed, before the next command', async () => {
    await server.stop();
    await eventually(() => expect(client.status()).toBe('degraded'));
  });

  it('counts commands that time out together as one failure', async () => {
    server.freeze();
    const results = Array.from({ length: 10 }, () => client.run((redis) => redis.ping()).catch(() => 'late'));
    expect(await Promise.all(results)).toEqual(results.map(() => 'late'));
    expect(client.status()).toBe('ready');
  });

  it('is degraded after three failures without a success between them, and not before', async () => {
    const outcomes = ['fails', 'fails', 'succeeds', 'fails', 'fails'] as const;
    const fail = () => Promise.reject(new Error('Command timed out'));
    for (const outcome of outcomes) {
      const ran = client.run(outcome === 'fails' ? fail : (redis) => redis.ping());
      await ran.catch((error: unknown) => expect(error).toMatchObject({ reason: 'TIMEOUT' }));
    }
    expect(client.status()).toBe('ready');
    await expect(client.run(fail)).rejects.toMatchObject({ reason: 'TIMEOUT' });
    expect(client.status()).toBe('degraded');
  });

  it('is degraded by one failure after each outage, until a command succeeds', async () => {
    const coolDownMs = 150;
    const brief = createRedisClient(server.url, createLogger({ level: 'silent' }), { coolDownMs });
    const fail = (error: Error) => brief.run(() => Promise.reject(error)).catch(() => null);
    const late = new Error('Command timed out');
    const isReady = () => eventually(() => expect(brief.status()).toBe('ready'));
    try {
      await isReady();
      await fail(Object.assign(new Error('READONLY no'), { name: 'ReplyError' }));
      for (let outage = 0; outage < 2; outage += 1) {
        expect(brief.status()).toBe('degraded');
        const startedAtMs = performance.now();
        await isReady();
        expect(performance.now() - startedAtMs).toBeGreaterThan(coolDownMs - 20);
        await fail(late);
      }
      await isReady();
      await brief.run((redis) => redis.ping());
      await fail(late);
      expect(brief.status()).toBe('ready');
    } finally {
      await brief.close();
    }
  });

  it('is degraded by the first refusal of each kind, and by no error of a command', async () => {
    const quick = createRedisClient(server.url, createLogger({ level: 'silent' }), { coolDownMs: 1 });
    const reply = (text: string) => () =>
      Promise.reject(Object.assign(new Error(text), { name: 'ReplyError' }));
    try {
      await eventually(() => expect(quick.status()).toBe('ready'));
      for (const code of ['WRONGTYPE', 'ERR', 'WRONGTYPE', 'ERR', 'ERR', 'ERR'])
        await expect(quick.run(reply(`${code} no`))).rejects.toMatchObject({ reason: code });
      expect(quick.status()).toBe('ready');
      const refusals =
        'READONLY OOM MISCONF NOREPLICAS MASTERDOWN CLUSTERDOWN LOADING NOAUTH NOPERM BUSY'.split(' ');
      for (const code of refusals) {
        await expect(quick.run(reply(`${code} no`))).rejects.toMatchObject({ reason: code });
        expect([code, quick.status()]).toEqual([code, 'degraded']);
        // A success, because after an outage one failure of any kind is enough.
        await eventually(() => quick.run((redis) => redis.ping()));
      }
    } finally {
      await quick.close();
    }
  });

  it('throws RedisUnavailableError without the arguments of the command', async () => {
    const failed = client.run((redis) => redis.call('NOSUCHCOMMAND', 'secret@example.com'));
    await expect(failed).rejects.toThrow(RedisUnavailableError);
    await expect(failed.catch((error: unknown) => inspect(error))).resolves.not.toContain('secret');
    expect(client.status()).toBe('ready');
  });

  it('rejects commands after close, which may be called twice', async () => {
    await client.close();
    await client.close();
    expect(client.status()).toBe('degraded');
    await expect(client.run((redis) => redis.ping())).rejects.toThrow(RedisUnavailableError);
  });
});
