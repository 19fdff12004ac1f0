import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createDataSource, migrate } from '../src/data-source';
import { startEmbeddedPostgres } from '../src/embedded-postgres/embedded-postgres';

/** Migrates an empty database and returns the SQL that would make it match the entities; none without drift. */
export async function findDrift(url: string): Promise<string[]> {
  const log = pino({ level: 'silent' });
  await migrate(url, log);
  const dataSource = createDataSource({ url, log, deadlines: false });
  await dataSource.initialize();
  try {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  } finally {
    await dataSource.destroy();
  }
}

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'check-migrations-'));
  const postgres = await startEmbeddedPostgres({ dataDirectory: directory, settings: { fsync: 'off' } });
  try {
    const drift = await findDrift(postgres.url);
    for (const statement of drift) process.stdout.write(`missing in migrations: ${statement}\n`);
    if (drift.length > 0) process.exitCode = 1;
  } finally {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

if (process.argv[1]?.endsWith('check-migrations.ts')) void main();
