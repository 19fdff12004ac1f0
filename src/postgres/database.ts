import type { DataSource, EntityManager, QueryDeepPartialEntity } from 'typeorm';
import type { ConnectionAttempts } from './connection-attempts';
import { DatabaseUnavailableError, isDatabaseUnavailable } from './database-unavailable';
import type { DeadlineClient } from './deadline-client';

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
  /** Runs or checks the migrations before `connect`. Ends early, without an error, when the signal is aborted. */
  readonly migrate: (signal: AbortSignal) => Promise<void>;
  /** Logs failed attempts to connect; the pools of a process share one. */
  readonly attempts: ConnectionAttempts;
}

/** A pool of connections to PostgreSQL. While PostgreSQL is unavailable, calls throw `DatabaseUnavailableError`. */
export class Database {
  private readonly dataSource: DataSource;
  private readonly migrate: (signal: AbortSignal) => Promise<void>;
  private readonly attempts: ConnectionAttempts;
  private readonly closing = new AbortController();
  private connecting: Promise<void> | undefined;
  private databaseId: string | undefined;

  constructor({ dataSource, migrate, attempts }: DatabaseOptions) {
    this.dataSource = dataSource;
    this.migrate = migrate;
    this.attempts = attempts;
  }

  /**
   * Migrates and connects. Retries until it succeeds or `close` is called. Until then, calls throw
   * `DatabaseUnavailableError`; the service can already serve requests.
   *
   * @param limitMs makes it throw the last error after this time, and immediately an error that no retry repairs
   */
  connect(limitMs?: number): Promise<void> {
    const { signal } = this.closing;
    this.connecting ??= this.attempts.repeat({ attempt: () => this.connectOnce(), signal, limitMs });
    return this.connecting;
  }

  private async connectOnce(): Promise<void> {
    await this.migrate(this.closing.signal);
    if (this.closing.signal.aborted) return;
    await this.dataSource.initialize();
    try {
      const [identity] = await this.dataSource.query('SELECT id FROM database_identity');
      this.databaseId = identity.id;
    } catch (error) {
      await this.dataSource.destroy();
      throw error;
    }
  }

  /**
   * Runs one statement outside any transaction and returns its rows. When `signal` aborts, a waiting statement is not
   * sent, a running one is cancelled, and the call throws the signal's reason.
   */
  async query<Row>(sql: string, parameters: unknown[] = [], signal?: AbortSignal): Promise<Row[]> {
    return this.withUnavailableErrors(() =>
      signal ? this.abortableQuery(sql, parameters, signal) : this.dataSource.query(sql, parameters),
    );
  }

  private async abortableQuery<Row>(sql: string, parameters: unknown[], signal: AbortSignal): Promise<Row[]> {
    signal.throwIfAborted();
    const runner = this.dataSource.createQueryRunner();
    try {
      const client = (await runner.connect()) as DeadlineClient;
      signal.throwIfAborted();
      let abandoned: Promise<void> | undefined;
      const abandon = () => {
        abandoned = client.abandonQuery();
      };
      signal.addEventListener('abort', abandon, { once: true });
      try {
        return (await runner.query(sql, parameters)) as Row[];
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener('abort', abandon);
        // The pool must not give a connection that is being closed to another caller.
        await abandoned;
      }
    } finally {
      await runner.release();
    }
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

  /**
   * A UUID that no other database has, for names in services that databases share.
   *
   * @throws DatabaseUnavailableError before `connect` succeeded
   */
  get id(): string {
    if (this.databaseId === undefined) throw new DatabaseUnavailableError();
    return this.databaseId;
  }

  /** True once `connect` succeeded, until `close`. PostgreSQL may be unavailable nevertheless. */
  get isConnected(): boolean {
    return this.dataSource.isInitialized;
  }

  /** Counts the pool's connections (total, idle) and the callers waiting for one. */
  poolCounts(): { total: number; idle: number; waiting: number } {
    if (!this.isConnected) return { total: 0, idle: 0, waiting: 0 };
    const pool = (this.dataSource.driver as unknown as { master: PoolCounts }).master;
    return { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.connecting?.catch(() => undefined);
    if (this.isConnected) await this.dataSource.destroy();
  }

  private async withUnavailableErrors<T>(work: () => Promise<T>): Promise<T> {
    if (!this.isConnected) throw new DatabaseUnavailableError();
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
