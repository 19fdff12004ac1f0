import { dropTestDatabases } from './test-database';
import { connectTestRedis, deleteKeys } from './test-redis';
import { redisPrefixOfRun, testRun } from './test-run';

/** Runs once after the last test: removes the run's databases and Redis keys, stops services that the run started. */
async function tearDown(): Promise<void> {
  await dropTestDatabases(process.env['TEST_DATABASE_URL'] ?? '', testRun());
  for (const url of new Set([process.env['TEST_REDIS_URL'], process.env['TEST_REDIS_SERVER_URL']]))
    if (url) await dropRedisKeys(url);
  await globalThis.testServices?.stop();
}

async function dropRedisKeys(url: string): Promise<void> {
  const client = connectTestRedis(url);
  client.on('error', () => undefined);
  try {
    await deleteKeys(client, redisPrefixOfRun());
  } finally {
    client.disconnect();
  }
}

export = tearDown;
