import { setTimeout as delay } from 'node:timers/promises';
import { PeriodicLoop } from '../scheduling/periodic-loop';
import type { Logger } from '../telemetry/logger';
import type { Database } from './database';
import { isDatabaseUnavailable } from './database-unavailable';

/** The part of a `Database` that reads use. */
export type Reader = Pick<Database, 'query'>;

const pollIntervalMs = 250;
/** A replica that lacks a change committed more than this long ago is not used. */
const maxLagMs = 5_000;
/**
 * The SQLSTATE with which a replica cancels a statement: the primary has removed rows that the statement may need, and
 * the replica applies that removal.
 */
const recoveryConflict = '40001';

/**
 * A position in PostgreSQL's write-ahead log (LSN), in bytes from its start. A replica contains the position if it has
 * replayed the log up to there.
 */
export type LogPosition = number;

/** A replica, with its name in logs and metrics. */
export interface NamedReplica {
  readonly name: string;
  readonly database: Database;
}

interface Replica extends NamedReplica {
  readonly reader: Reader;
  /** The position up to which the replica had replayed the log at the last poll; -1 before the first. */
  position: LogPosition;
  /** The replica contains everything that was committed before this time of `performance.now()`. */
  containsUntilMs: number;
  /** The last time it was usable; initially the start. */
  usableAtMs: number;
  announced: 'ready' | 'degraded';
}

export interface ReadReplicasOptions {
  readonly primary: Database;
  readonly replicas: readonly NamedReplica[];
  readonly log: Logger;
}

/**
 * Streaming replicas of PostgreSQL, for reads whose results may lack changes of the last five seconds. While the
 * primary is unavailable for more than five seconds, no replica is usable: their lag is unknown.
 */
export class ReadReplicas {
  private readonly replicas: readonly Replica[];
  /** One for the primary and one for each replica, so that a hanging server delays no other's poll. */
  private readonly loops: readonly PeriodicLoop[];
  /** Positions of the primary in the last five seconds, oldest first. */
  private primaryPositions: { atMs: number; position: LogPosition }[] = [];
  private next = 0;

  constructor(private readonly options: ReadReplicasOptions) {
    this.replicas = options.replicas.map(({ name, database }) => ({
      name,
      database,
      reader: { query: (...call) => this.readFrom(database, call) } as Reader,
      position: -1,
      containsUntilMs: Number.NEGATIVE_INFINITY,
      usableAtMs: performance.now(),
      announced: 'ready',
    }));
    const polls = [() => this.pollPrimary(), ...this.replicas.map((it) => () => this.pollReplica(it))];
    this.loops = polls.map(
      (work) =>
        new PeriodicLoop({
          intervalMs: pollIntervalMs,
          startsImmediately: true,
          work,
          onFailure: () => undefined,
        }),
    );
  }

  start(): void {
    for (const loop of this.loops) loop.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.stop()));
  }

  /**
   * Returns a usable replica that contains this position, in rotation, or null if there is none. Its reads go to the
   * primary if the replica becomes unavailable or cancels them.
   */
  choose(position: LogPosition): Reader | null {
    const suitable = this.replicas.filter((it) => isUsable(it) && it.position >= position);
    this.next += 1;
    return suitable[this.next % suitable.length]?.reader ?? null;
  }

  /**
   * Returns the end of the primary's log, including changes that are not yet flushed to disk.
   *
   * @throws DatabaseUnavailableError
   */
  async currentPosition(): Promise<LogPosition> {
    const [row] = await this.options.primary.query<{ position: string }>(
      "SELECT pg_current_wal_insert_lsn() - '0/0' AS position",
    );
    return Number(row?.position);
  }

  /**
   * Resolves when every usable replica contains this position. Never rejects. Takes little more than five seconds at
   * most, because a replica that lacks the position for longer is not usable.
   */
  async whenContained(position: LogPosition): Promise<void> {
    const untilMs = performance.now() + maxLagMs + pollIntervalMs;
    while (performance.now() < untilMs && this.replicas.some((it) => isUsable(it) && it.position < position))
      await delay(pollIntervalMs);
  }

  /** Returns `degraded` while at least one replica is not usable. */
  status(): 'ready' | 'degraded' {
    return this.replicas.every(isUsable) ? 'ready' : 'degraded';
  }

  /** True if the replica of this name is usable. */
  hasUsable(name: string): boolean {
    return this.replicas.some((it) => it.name === name && isUsable(it));
  }

  private async pollPrimary(): Promise<void> {
    const atMs = performance.now();
    const primary = await this.currentPosition();
    this.primaryPositions = this.primaryPositions.filter((it) => it.atMs >= atMs - maxLagMs);
    this.primaryPositions.push({ atMs, position: primary });
    for (const replica of this.replicas) this.announce(replica);
  }

  private async pollReplica(replica: Replica): Promise<void> {
    const { database } = replica;
    // The address of a replica may lead to a server with another database.
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

  private announce(replica: Replica): void {
    const { name, announced, usableAtMs } = replica;
    const status = isUsable(replica) ? 'ready' : 'degraded';
    const nowMs = performance.now();
    if (status === 'ready') replica.usableAtMs = nowMs;
    // A replica that is not usable for a short time, as after every start, is not logged.
    if (status === announced || (status === 'degraded' && nowMs - usableAtMs < maxLagMs)) return;
    replica.announced = status;
    if (status === 'ready') this.options.log.info({ replica: name }, 'a replica of PostgreSQL is read again');
    else
      this.options.log.warn(
        { replica: name },
        'a replica of PostgreSQL is not read: unavailable, too far behind, or of another database',
      );
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
