import { setTimeout as delay } from 'node:timers/promises';
import { PeriodicLoop } from '../scheduling/periodic-loop';
import type { Logger } from '../telemetry/logger';
import type { Database } from './database';
import { isDatabaseUnavailable } from './database-unavailable';

/** What a read needs of a database. */
export type Reader = Pick<Database, 'query'>;

const pollIntervalMs = 250;
/** A replica that is further behind is not read. */
const maxLagMs = 5_000;
/** A replica cancels a statement that reads what the primary has removed since. */
const recoveryConflict = '40001';

/** A position in PostgreSQL's log of changes, in bytes. Everything committed before it is contained in it. */
export type LogPosition = number;

interface Replica {
  readonly database: Database;
  readonly reader: Reader;
  /** What the replica contained at the last poll. */
  position: LogPosition;
  /** The primary's state that the replica contains: everything committed until then. */
  containsUntilMs: number;
}

export interface ReadReplicasOptions {
  readonly primary: Database;
  readonly replicas: readonly Database[];
  readonly log: Logger;
}

/** Streaming replicas of PostgreSQL, for reads that may be up to five seconds late. */
export class ReadReplicas {
  private readonly replicas: readonly Replica[];
  private readonly loop: PeriodicLoop;
  /** Positions of the primary, oldest first. */
  private primaryPositions: { atMs: number; position: LogPosition }[] = [];
  private next = 0;
  private readyAtMs = performance.now();
  private announced: 'ready' | 'degraded' = 'ready';

  constructor(private readonly options: ReadReplicasOptions) {
    this.replicas = options.replicas.map((database) => ({
      database,
      reader: { query: (...call) => this.readFrom(database, call) } as Reader,
      position: -1,
      containsUntilMs: Number.NEGATIVE_INFINITY,
    }));
    this.loop = new PeriodicLoop({
      intervalMs: pollIntervalMs,
      startsImmediately: true,
      work: () => this.poll(),
      onFailure: () => undefined,
    });
  }

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** Returns one of the replicas that contain this position, or null if none does. They take turns. */
  choose(position: LogPosition): Reader | null {
    const suitable = this.replicas.filter((it) => isUsable(it) && it.position >= position);
    this.next += 1;
    return suitable[this.next % suitable.length]?.reader ?? null;
  }

  /**
   * Returns the position after the last change, also one that is not on disk yet.
   *
   * @throws DatabaseUnavailableError
   */
  async currentPosition(): Promise<LogPosition> {
    const [row] = await this.options.primary.query<{ position: string }>(
      "SELECT pg_current_wal_insert_lsn() - '0/0' AS position",
    );
    return Number(row?.position);
  }

  /** Resolves when every replica that is read contains this position; after five seconds none is read without it. */
  async whenContained(position: LogPosition): Promise<void> {
    const untilMs = performance.now() + maxLagMs + pollIntervalMs;
    while (performance.now() < untilMs && this.replicas.some((it) => isUsable(it) && it.position < position))
      await delay(pollIntervalMs);
  }

  /** `degraded` while one of the replicas is not read. */
  status(): 'ready' | 'degraded' {
    return this.replicas.every(isUsable) ? 'ready' : 'degraded';
  }

  private async poll(): Promise<void> {
    const atMs = performance.now();
    const primary = await this.currentPosition();
    this.primaryPositions = this.primaryPositions.filter((it) => it.atMs >= atMs - maxLagMs);
    this.primaryPositions.push({ atMs, position: primary });
    await Promise.all(this.replicas.map((replica) => this.pollReplica(replica)));
    this.announce();
  }

  private async pollReplica(replica: Replica): Promise<void> {
    const { database } = replica;
    // A server that is no replica of this database any more contains other data.
    if (!database.isConnected || database.id !== this.options.primary.id) return;
    const [row] = await database
      .query<{ position: string | null }>(
        "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0' END AS position",
      )
      .catch(() => []);
    if (!row || row.position === null) return;
    const position = Number(row.position);
    replica.position = position;
    const contained = this.primaryPositions.findLast((it) => it.position <= position);
    if (contained) replica.containsUntilMs = contained.atMs;
  }

  private announce(): void {
    const status = this.status();
    const nowMs = performance.now();
    if (status === 'ready') this.readyAtMs = nowMs;
    // Every start begins without a position, which is worth no warning.
    if (status === this.announced || (status === 'degraded' && nowMs - this.readyAtMs < maxLagMs)) return;
    this.announced = status;
    if (status === 'ready') this.options.log.info('all replicas of PostgreSQL are read');
    else this.options.log.warn('a replica of PostgreSQL is not read: away, too late, or no replica');
  }

  private async readFrom(database: Database, call: Parameters<Database['query']>): Promise<unknown[]> {
    try {
      return await database.query(...call);
    } catch (error) {
      const [, , signal] = call;
      signal?.throwIfAborted();
      if (!isDatabaseUnavailable(error) && codeOf(error) !== recoveryConflict) throw error;
      return this.options.primary.query(...call);
    }
  }
}

function isUsable({ containsUntilMs }: Replica): boolean {
  return performance.now() - containsUntilMs <= maxLagMs;
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
