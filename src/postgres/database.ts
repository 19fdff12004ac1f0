import type { DataSource, EntityManager, QueryDeepPartialEntity } from 'typeorm';
import { pause } from '../scheduling/pause';
import type { Logger } from '../telemetry/logger';
import { DatabaseUnavailableError, isDatabaseUnavailable } from './database-unavailable';

/** An open transaction, with effects that run after its commit. */
export interface Transaction {
  readonly manager: EntityManager;
  /** Inserts new rows in one statement, without a SELECT before it. */
  insert<Row extends object>(entity: new () => Row, rows: Row | Row[]): Promise<void>;
  /** Runs `work` in a savepoint; if it throws, only its own writes are rolled back. */
  savepoint<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Registers an effect to run after the commit, in order; it never runs after a rollback. It must not throw. */
  afterCommit(effect: () => Promise<void> | void): void;
}

export interface DatabaseOptions {
  /** Configured with entities, pool and timeouts; not initialized yet. */
  readonly dataSource: DataSource;
  /** Runs the pending migrations and returns their names. */
  readonly migrate: () => Promise<string[]>;
  readonly log: Logger;
}

/** The connection to PostgreSQL. While PostgreSQL is unavailable, calls throw `DatabaseUnavailableError`. */
export class Database {
  private readonly dataSource: DataSource;
  private readonly migrate: () => Promise<string[]>;
  private readonly log: Logger;
  private readonly closing = new AbortController();
  private connecting: Promise<void> | undefined;

  constructor({ dataSource, migrate, log }: DatabaseOptions) {
    this.dataSource = dataSource;
    this.migrate = migrate;
    this.log = log;
  }

  /**
   * Migrates and connects. Retries, with a back-off of up to two seconds, until it succeeds or `close` is called.
   * Until then, calls throw `DatabaseUnavailableError`; the service can already serve requests.
   */
  connect(): Promise<void> {
    this.connecting ??= this.connectWithRetries();
    return this.connecting;
  }

  private async connectWithRetries(): Promise<void> {
    const { signal } = this.closing;
    for (let delayMs = 100; !signal.aborted; delayMs = Math.min(delayMs * 2, 2000)) {
      try {
        const ran = await this.migrate();
        if (ran.length > 0) this.log.info({ migrations: ran }, 'migrations applied');
        await this.dataSource.initialize();
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.log.warn(
          { code: (error as { code?: string }).code ?? 'UNKNOWN' },
          'could not connect to or migrate PostgreSQL; retrying',
        );
        await pause(delayMs, signal);
      }
    }
  }

  /** Runs one statement outside any transaction and returns its rows. */
  async query<Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return this.withUnavailableErrors(() => this.dataSource.query(sql, parameters));
  }

  /** Returns the result of `work`, run in one transaction. Commits when it resolves, rolls back when it throws. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const effects: (() => Promise<void> | void)[] = [];
    const result = await this.withUnavailableErrors(() =>
      this.dataSource.transaction((manager) =>
        work(transactionOf(manager, (effect) => effects.push(effect))),
      ),
    );
    for (const effect of effects) await effect();
    return result;
  }

  /** @throws DatabaseUnavailableError when PostgreSQL is unavailable. */
  async ping(): Promise<void> {
    await this.query('SELECT 1');
  }

  /** Counts the pool's connections (total, idle) and the callers waiting for one. */
  poolCounts(): { total: number; idle: number; waiting: number } {
    if (!this.dataSource.isInitialized) return { total: 0, idle: 0, waiting: 0 };
    const pool = (this.dataSource.driver as unknown as { master: PoolCounts }).master;
    return { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.connecting;
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  private async withUnavailableErrors<T>(work: () => Promise<T>): Promise<T> {
    if (!this.dataSource.isInitialized) throw new DatabaseUnavailableError();
    try {
      return await work();
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw new DatabaseUnavailableError({ cause: error });
      throw error;
    }
  }
}

function transactionOf(manager: EntityManager, afterCommit: Transaction['afterCommit']): Transaction {
  return {
    manager,
    afterCommit,
    async insert(entity, rows) {
      await manager.insert(entity, rows as QueryDeepPartialEntity<typeof rows>);
    },
    async savepoint(work) {
      const effects: (() => Promise<void> | void)[] = [];
      const result = await manager.transaction((nested) =>
        work(transactionOf(nested, (effect) => effects.push(effect))),
      );
      // Registered only now: effects of a rolled-back savepoint must not run when the transaction commits.
      for (const effect of effects) afterCommit(effect);
      return result;
    },
  };
}

interface PoolCounts {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
}
