import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { pino } from 'pino';
import { createRedisClient, type RedisClient, type RedisClientOptions } from '../../src/redis/redis-client';
import { eventually } from './eventually';

/** A Redis server that the test can freeze and stop. */
export interface RedisServer {
  readonly url: string;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** Starts redis-server on the port (a free one by default). Resolves when it accepts connections. */
export async function startRedisServer(
  settings: string[] = [],
  port?: number,
): Promise<RedisServer & { port: number }> {
  const chosen = port ?? (await freePort());
  const server = spawn(
    'redis-server',
    ['--port', `${chosen}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...settings],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await acceptsConnections(server);
  return {
    port: chosen,
    url: `redis://127.0.0.1:${chosen}`,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    stop: async () => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    },
  };
}

/** Returns a free port of the loopback address. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function acceptsConnections(server: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let output = '';
    server.stdout?.on('data', (chunk) => {
      output += chunk;
      if (output.includes('Ready to accept connections')) resolve();
    });
    server.once('error', (error) =>
      reject(new Error('redis-server is needed: apt-get install redis-server', { cause: error })),
    );
    server.once('exit', (code) =>
      reject(new Error(`redis-server ended with ${code}: ${output.slice(-500)}`)),
    );
  });
}

/** The Redis that tests share; each test file uses its own key prefix. */
const sharedRedisUrl = process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';

/** Returns a ready client of the shared Redis, without logs and with a long command timeout for busy machines. */
export async function sharedRedisClient(options: RedisClientOptions = {}): Promise<RedisClient> {
  const client = createRedisClient(sharedRedisUrl, pino({ level: 'silent' }), {
    commandTimeoutMs: 5000,
    ...options,
  });
  await eventually(() => {
    if (client.status() !== 'ready')
      throw new Error('these tests need a Redis at TEST_REDIS_URL or on port 6379');
  });
  return client;
}
