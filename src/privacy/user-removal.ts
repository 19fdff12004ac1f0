import type { Logger } from 'pino';
import { haveExpiredUnheld, type TableExpiry } from '../personal-data/expiries';
import type { Database, Transaction } from '../postgres/database';
import { DatabaseUnavailableError } from '../postgres/database-unavailable';
import { type KeysetPosition, keysetStart, keysetTime } from '../postgres/keyset';

/** Users whose ids are read at once; fewer when a run removes fewer. */
const largestPage = 1_000;
/** Users whom one run logs when they cannot be removed; of the others it says how many there are. */
const mostLogged = 20;

/** Users who have had their time. */
export interface ExpiredUsers {
  readonly expiry: TableExpiry;
  readonly days: number;
}

export interface UserRemovalOptions extends ExpiredUsers {
  readonly database: Database;
  readonly log: Logger;
  readonly metrics: {
    retentionRemovals: { inc(labels: { what: string }, count: number): void };
    retentionFailures: { inc(labels: { what: string }): void };
  };
  /** How many users are removed at most. */
  readonly limit: number;
  readonly stopping: AbortSignal | undefined;
  /** Runs a step while no other replica takes any; null when one does. */
  readonly alone: (step: (tx: Transaction) => Promise<boolean>) => Promise<boolean | null>;
  /** Removes a user; false when that is not to be any more. */
  readonly remove: (tx: Transaction, userId: string) => Promise<boolean>;
}

/** Some users could not be removed; the log has their ids. */
export class UsersNotRemovedError extends Error {
  override readonly name = 'UsersNotRemovedError';

  constructor(what: string, count: number, first: unknown) {
    super(`${count} of ${what} could not be removed: the log has their ids`, { cause: first });
  }
}

/**
 * Removes users who have had their time one by one, oldest first, and answers how many went. Whoever cannot be
 * removed is passed by, and takes nothing of what may be removed from those behind.
 *
 * @throws UsersNotRemovedError in the end, when somebody was passed by
 */
export async function removeUsers(options: UserRemovalOptions): Promise<number> {
  const { expiry, limit, stopping, alone, metrics } = options;
  const failures = new Failures(options);
  let removed = 0;
  try {
    for await (const userId of walk(options)) {
      if (removed >= limit || stopping?.aborted) break;
      const wasRemoved = await alone(async (tx) => {
        try {
          return await options.remove(tx, userId);
        } catch (error) {
          failures.add(userId, error);
          return false;
        }
      });
      if (wasRemoved === null) break;
      if (!wasRemoved) continue;
      removed += 1;
      metrics.retentionRemovals.inc({ what: expiry.name }, 1);
    }
  } finally {
    failures.logOthers();
  }
  failures.throwAny();
  return removed;
}

/** Whether this user has (still) had the time. */
export async function isExpiredUser(
  tx: Transaction,
  { expiry, days }: ExpiredUsers,
  id: string,
  lock: 'FOR UPDATE SKIP LOCKED' | '' = '',
): Promise<boolean> {
  const rows: unknown[] = await tx.manager.query(
    `SELECT 1 FROM users WHERE ${haveExpiredUnheld(expiry, '$1')} AND id = $2 ${lock}`,
    [days, id],
  );
  return rows.length > 0;
}

/** The ids of all who have had their time, each once, whatever becomes of those before. */
async function* walk({ database, expiry, days, limit }: UserRemovalOptions): AsyncGenerator<string> {
  const size = Math.max(1, Math.min(largestPage, limit));
  let last = keysetStart;
  for (let count = size; count === size; ) {
    const page = await database.query<KeysetPosition>(
      `SELECT id, ${keysetTime(expiry.since)} AS at FROM users
       WHERE ${haveExpiredUnheld(expiry, '$1')} AND (${expiry.since}, id) > ($2::timestamptz, $3::uuid)
       ORDER BY ${expiry.since}, id LIMIT $4`,
      [days, last.at, last.id, size],
    );
    for (const { id } of page) yield id;
    count = page.length;
    last = page.at(-1) ?? last;
  }
}

/** Who could not be removed: each is counted, and the first ones are logged. */
class Failures {
  private count = 0;
  private first: unknown;

  constructor(private readonly options: Pick<UserRemovalOptions, 'expiry' | 'log' | 'metrics'>) {}

  add(userId: string, error: unknown): void {
    const { expiry, log, metrics } = this.options;
    this.count += 1;
    if (this.count === 1) this.first = error;
    metrics.retentionFailures.inc({ what: expiry.name });
    if (this.count > mostLogged) return;
    const fields = { userId, what: expiry.name, err: error };
    const message = 'could not remove an expired user';
    // What is in the way for now goes by itself.
    if (error instanceof DatabaseUnavailableError) log.warn(fields, message);
    else log.error(fields, message);
  }

  logOthers(): void {
    const others = this.count - mostLogged;
    if (others > 0)
      this.options.log.error(
        { what: this.options.expiry.name, others },
        'could not remove more expired users',
      );
  }

  throwAny(): void {
    if (this.count > 0) throw new UsersNotRemovedError(this.options.expiry.name, this.count, this.first);
  }
}
