import type { DataSource } from 'typeorm';
import { lockKeys, withLock } from './locks';

/**
 * Runs the pending migrations of a data source that is not initialized yet, and returns their names.
 * An advisory lock serializes replicas, since TypeORM takes none. Destroys the data source.
 */
export async function runMigrations(dataSource: DataSource): Promise<string[]> {
  return withInitialized(dataSource, async () => {
    const connection = dataSource.createQueryRunner();
    try {
      const ran = await withLock(connection, lockKeys.migration, () =>
        dataSource.runMigrations({ transaction: 'all' }),
      );
      return ran.map((migration) => migration.name);
    } finally {
      await connection.release();
    }
  });
}

/** Returns the names of the migrations that have not run; changes nothing. Destroys the data source. */
export async function findPendingMigrations(dataSource: DataSource): Promise<string[]> {
  return withInitialized(dataSource, async () => {
    const [table] = await dataSource.query(`SELECT to_regclass('schema_migrations') AS name`);
    const done: { name: string }[] = table.name
      ? await dataSource.query('SELECT name FROM schema_migrations')
      : [];
    const names = new Set(done.map((row) => row.name));
    return dataSource.migrations.map((migration) => migration.name ?? '').filter((name) => !names.has(name));
  });
}

async function withInitialized<T>(dataSource: DataSource, work: () => Promise<T>): Promise<T> {
  await dataSource.initialize();
  try {
    return await work();
  } finally {
    await dataSource.destroy();
  }
}
