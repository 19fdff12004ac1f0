import { type DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import { pause } from '../scheduling/pause';
import type { Logger } from '../telemetry/logger';
import { lockKeys, tryLock } from './locks';
import { MigrationFailedError } from './migration-failed';

const lockPollIntervalMs = 250;

export interface MigrateOptions {
  readonly log: Logger;
  /** Ends the wait for the lock; migrations that have started are finished. */
  readonly signal: AbortSignal;
}

/**
 * Runs the pending migrations of a data source that is not initialized yet, and returns their names. Destroys the
 * data source. Replicas that migrate concurrently run one after the other: a lock is held in the transaction of the
 * migrations, because behind PgBouncer a lock of the session would never be released.
 *
 * @throws MigrationFailedError
 */
export async function runMigrations(dataSource: DataSource, options: MigrateOptions): Promise<string[]> {
  return withInitialized(dataSource, async () => {
    for (const migration of dataSource.migrations) nameFailures(migration);
    const connection = dataSource.createQueryRunner();
    try {
      for (let waiting = false; !options.signal.aborted; waiting = true) {
        const names = await migrateUnderLock(dataSource, connection);
        if (names !== null) return names;
        if (!waiting) options.log.warn('waiting for the migration lock: another process is migrating');
        await pause(lockPollIntervalMs, options.signal);
      }
      return [];
    } finally {
      await connection.release();
    }
  });
}

/** Returns the names of the migrations that ran; null if another process holds the lock. */
async function migrateUnderLock(dataSource: DataSource, connection: QueryRunner): Promise<string[] | null> {
  await connection.startTransaction();
  try {
    const executor = new MigrationExecutor(dataSource, connection);
    executor.transaction = 'all';
    const ran = (await tryLock(connection, lockKeys.migration))
      ? await executor.executePendingMigrations()
      : null;
    await connection.commitTransaction();
    return ran && ran.map((migration) => migration.name);
  } catch (error) {
    await connection.rollbackTransaction().catch(() => undefined);
    throw error;
  }
}

/** TypeORM throws the error of a migration without its name. */
function nameFailures(migration: DataSource['migrations'][number]): void {
  const up = migration.up.bind(migration);
  migration.up = async (connection) => {
    try {
      await up(connection);
    } catch (error) {
      throw new MigrationFailedError(migration.name ?? migration.constructor.name, error);
    }
  };
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
