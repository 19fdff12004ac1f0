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

  it('counts commands that time out together as one failure', async () => {
    server.freeze();
    const results = Array.from({ length: 10 }, () => client.run((redis) => redis.ping()).catch(() => 'late'));
    expect(await Promise.all(results)).toEqual(results.map(() => 'late'));
    expect(client.status()).toBe('ready');
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
