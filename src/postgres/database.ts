import type { DataSource, EntityManager, QueryDeepPartialEntity } from 'typeorm';
import type { Logger } from '../telemetry/logger';
import { DatabaseUnavailableError, isDatabaseUnavailable } from './database-unavailable';

/** A transaction in progress; what must wait for its commit is registered with it. */
export interface Transaction {
  readonly manager: EntityManager;
  /** Writes whole new rows in one statement; reads nothing back. */
  insert<Row extends object>(entity: new () => Row, rows: Row | Row[]): Promise<void>;
  /** Runs `work` so that, when it throws, only what it did is undone. */
  savepoint<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Runs after the commit, in order; never when the transaction rolled back. It must not throw. */
  afterCommit(effect: () => Promise<void> | void): void;
}

export interface DatabaseOptions {
  /** Entities, pool and timeouts; not initialized yet. */
  readonly dataSource: DataSource;
  /** Runs the pending migrations and returns their names. */
  readonly migrate: () => Promise<string[]>;
  readonly log: Logger;
}

/** The connection to PostgreSQL: it waits for it, migrates it, and tells clearly when it is away. */
export class Database {
  private readonly dataSource: DataSource;
  private readonly migrate: () => Promise<string[]>;
  private readonly log: Logger;
  private closing = false;
  private connecting: Promise<void> | undefined;

  constructor({ dataSource, migrate, log }: DatabaseOptions) {
    this.dataSource = dataSource;
    this.migrate = migrate;
    this.log = log;
  }

  /**
   * Migrates and connects; tries again, every two seconds at most, until PostgreSQL is there or `close` is called.
   * The service serves meanwhile: everything that needs the database answers `DatabaseUnavailableError`.
   */
  connect(): Promise<void> {
    this.connecting ??= this.keepConnecting();
    return this.connecting;
  }

  private async keepConnecting(): Promise<void> {
    for (let delayMs = 100; !this.closing; delayMs = Math.min(delayMs * 2, 2000)) {
      try {
        const ran = await this.migrate();
        if (ran.length > 0) this.log.info({ migrations: ran }, 'schema brought up to date');
        await this.dataSource.initialize();
        return;
      } catch (error) {
        if (this.closing) return;
        this.log.warn({ code: (error as { code?: string }).code ?? 'UNKNOWN' }, 'waiting for PostgreSQL');
        await new Promise((resolve) => setTimeout(resolve, delayMs));
      }
    }
  }

  /** Runs one statement outside any transaction and answers its rows. */
  async query<Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return this.available(() => this.dataSource.query(sql, parameters));
  }

  /** Runs `work` in one transaction; commits when it resolves, rolls back when it throws. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const effects: (() => Promise<void> | void)[] = [];
    const result = await this.available(() =>
      this.dataSource.transaction((manager) =>
        work(transactionOf(manager, (effect) => effects.push(effect))),
      ),
    );
    for (const effect of effects) await effect();
    return result;
  }

  /** @throws DatabaseUnavailableError when PostgreSQL does not answer. */
  async ping(): Promise<void> {
    await this.query('SELECT 1');
  }

  /** Connections of the pool: all, idle, and requests waiting for one. */
  poolCounts(): { total: number; idle: number; waiting: number } {
    if (!this.dataSource.isInitialized) return { total: 0, idle: 0, waiting: 0 };
    const pool = (this.dataSource.driver as unknown as { master: PoolCounts }).master;
    return { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.connecting;
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  private async available<T>(work: () => Promise<T>): Promise<T> {
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
      // Only now: what was undone must have no effect when the rest commits.
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
