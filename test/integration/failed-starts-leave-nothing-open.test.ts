import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { builtProgram } from '../testkit/built-checkout';
import { eventually } from '../testkit/eventually';
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { newAmqpPrefix, newRedisPrefix } from '../testkit/test-run';
import { removeTopology } from '../testkit/witness';

const amqpPrefix = newAmqpPrefix();
const directory = mkdtempSync(join(tmpdir(), 'failed-start-'));
let testDatabase: TestDatabase;
let occupied: Server;
let proxies: Record<'postgres' | 'redis' | 'rabbitmq', TcpProxy>;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  occupied = createServer().listen(0, '127.0.0.1');
  await once(occupied, 'listening');
  proxies = {
    postgres: await startTcpProxy(testDatabase.url),
    redis: await startTcpProxy(process.env['TEST_REDIS_SERVER_URL'] ?? ''),
    rabbitmq: await startTcpProxy(process.env['TEST_AMQP_URL'] ?? ''),
  };
});
afterAll(async () => {
  for (const proxy of Object.values(proxies)) await proxy.close();
  occupied.close();
  await testDatabase.drop();
  await removeTopology(amqpPrefix);
  await rm(directory, { recursive: true, force: true });
});

/** Starts the service on a port in use. Its process must end by itself, which takes a part that is not closed away. */
async function start(env: Record<string, string>): Promise<{ output: string; code: number | null }> {
  const child = spawn(
    process.execPath,
    [builtProgram('start-process'), directory, newRedisPrefix(), amqpPrefix],
    {
      env: {
        PATH: process.env['PATH'],
        HOST: '127.0.0.1',
        PORT: String((occupied.address() as AddressInfo).port),
        LOG_LEVEL: 'fatal',
        REDIS_URL: proxies.redis.url,
        AMQP_URL: proxies.rabbitmq.url,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  let code: number | null | undefined;
  child.once('exit', (exitCode) => {
    code = exitCode;
  });
  try {
    // The first start of the embedded PostgreSQL creates its cluster.
    await eventually(() => expect(output).toContain('EADDRINUSE'), { timeoutMs: 60_000 });
    await eventually(() => expect(code).toBeDefined());
  } finally {
    child.kill('SIGKILL');
  }
  return { output, code: code ?? null };
}

const openConnections = () =>
  Object.fromEntries(Object.entries(proxies).map(([name, proxy]) => [name, proxy.connections]));

it('closes all connections to the backing services, and the process ends', async () => {
  const { code } = await start({ DATABASE_URL: proxies.postgres.url });
  expect(code).toBe(0);
  await eventually(() => expect(openConnections()).toEqual({ postgres: 0, redis: 0, rabbitmq: 0 }));
});

it('stops the embedded PostgreSQL, and the process ends', async () => {
  const { code } = await start({});
  expect(code).toBe(0);
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((path) => basename(path));
  expect(files).toContain('PG_VERSION');
  expect(files).not.toContain('postmaster.pid');
});
