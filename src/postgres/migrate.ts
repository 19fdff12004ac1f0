import type { Logger } from '../telemetry/logger';
import { createDataSource } from './data-source';

/** Any constant will do; replicas that migrate at once meet at this lock. */
const migrationLock = 7_305_808_869;

/**
 * Brings the schema up to date and answers the names of the migrations it ran.
 * Safe from any number of replicas at once: they queue at an advisory lock, TypeORM itself takes none.
 */
export async function migrate(url: string, log: Logger): Promise<string[]> {
  return withDataSource(url, log, async (dataSource) => {
    const lock = dataSource.createQueryRunner();
    try {
      await lock.query('SELECT pg_advisory_lock($1)', [migrationLock]);
      const ran = await dataSource.runMigrations({ transaction: 'all' });
      return ran.map((migration) => migration.name);
    } finally {
      await lock.query('SELECT pg_advisory_unlock($1)', [migrationLock]).catch(() => undefined);
      await lock.release();
    }
  });
}

/** The names of the migrations that have not run yet; changes nothing. */
export async function pendingMigrations(url: string, log: Logger): Promise<string[]> {
  return withDataSource(url, log, async (dataSource) => {
    const [table] = await dataSource.query(`SELECT to_regclass('schema_migrations') AS name`);
    const done: { name: string }[] = table.name
      ? await dataSource.query('SELECT name FROM schema_migrations')
      : [];
    const names = new Set(done.map((row) => row.name));
    return dataSource.migrations.map((migration) => migration.name ?? '').filter((name) => !names.has(name));
  });
}

async function withDataSource<T>(
  url: string,
  log: Logger,
  work: (dataSource: ReturnType<typeof createDataSource>) => Promise<T>,
): Promise<T> {
  const dataSource = createDataSource({ url, log, poolSize: 2, deadlines: false });
  await dataSource.initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
