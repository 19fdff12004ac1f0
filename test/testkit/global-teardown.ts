import { Redis } from 'ioredis';
import { dropTestDatabases } from './test-database';
import { redisPrefixOfRun, testRun } from './test-run';

/** Runs once after the last test: removes the run's databases and Redis keys, stops services that the run started. */
async function tearDown(): Promise<void> {
  await dropTestDatabases(process.env['TEST_DATABASE_URL'] ?? '', testRun());
  await dropRedisKeys(process.env['TEST_REDIS_URL'] ?? '');
  await globalThis.testServices?.stop();
}

async function dropRedisKeys(url: string): Promise<void> {
  const client = new Redis(url, { connectTimeout: 3_000, commandTimeout: 5_000, maxRetriesPerRequest: 1 });
  client.on('error', () => undefined);
  try {
    for await (const keys of client.scanStream({ match: `${redisPrefixOfRun()}*`, count: 1_000 })) {
      if ((keys as string[]).length > 0) await client.unlink(keys as string[]);
    }
  } finally {
    client.disconnect();
  }
}

export = tearDown;
