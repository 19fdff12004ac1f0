import type { Logger } from 'pino';
import { haveExpiredUnheld, type TableExpiry } from '../personal-data/expiries';
import type { Database, Transaction } from '../postgres/database';
import { DatabaseUnavailableError } from '../postgres/database-unavailable';
import { follows, type KeysetPosition, keysetStart, keysetTime } from '../postgres/keyset';

/** The most user ids in one page of the listing. */
const maxPageSize = 1_000;
/** The most failures that one run logs by user id; it logs the number of the others. */
const maxLogged = 20;

/** The condition for expired users. */
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
  /** The most users to remove. */
  readonly limit: number;
  readonly stopping: AbortSignal | undefined;
  /** Runs a step in a transaction with the lock of the job; returns null if another replica has the lock. */
  readonly underLock: (step: (tx: Transaction) => Promise<boolean>) => Promise<boolean | null>;
  /** Removes a user, or checks only if there is `afterwards`; returns false if the user is no longer expired. */
  readonly remove: (tx: Transaction, userId: string) => Promise<boolean>;
  /** Removes the user after the step, so that no connection waits for its transactions. */
  readonly afterwards?: ((userId: string) => Promise<boolean>) | undefined;
}

/** Thrown at the end of a run that could not remove some users. */
export class UsersNotRemovedError extends Error {
  override readonly name = 'UsersNotRemovedError';

  constructor(what: string, count: number, first: unknown) {
    super(`${count} of ${what} could not be removed: the log has their ids`, { cause: first });
  }
}

/**
 * Removes expired users one by one, oldest first; returns how many. A user that cannot be removed is skipped and does
 * not count towards the limit.
 *
 * @throws UsersNotRemovedError at the end, if users were skipped
 */
export async function removeUsers(options: UserRemovalOptions): Promise<number> {
  const { expiry, limit, stopping, underLock, metrics } = options;
  const failures = new Failures(options);
  let removed = 0;
  try {
    for await (const userId of expiredUserIds(options)) {
      if (removed >= limit || stopping?.aborted) break;
      const attempt = (remove: Promise<boolean>) =>
        remove.catch((error: unknown) => {
          failures.add(userId, error);
          return false;
        });
      const isExpired = await underLock((tx) => attempt(options.remove(tx, userId)));
      if (isExpired === null) break;
      if (!isExpired || (options.afterwards && !(await attempt(options.afterwards(userId))))) continue;
      removed += 1;
      metrics.retentionRemovals.inc({ what: expiry.name }, 1);
    }
  } finally {
    failures.logOthers();
  }
  failures.throwAny();
  return removed;
}

/** Returns whether the user is (still) expired. */
export async function isExpiredUser(
  tx: Transaction,
  { expiry, days }: ExpiredUsers,
  { id, lock }: { id: string; lock?: 'FOR UPDATE SKIP LOCKED' },
): Promise<boolean> {
  const rows: unknown[] = await tx.manager.query(
    `SELECT 1 FROM users WHERE ${haveExpiredUnheld(expiry, '$1')} AND id = $2 ${lock ?? ''}`,
    [days, id],
  );
  return rows.length > 0;
}

/** Yields the id of each expired user once, also after an earlier user could not be removed. */
async function* expiredUserIds({
  database,
  expiry,
  days,
  limit,
}: UserRemovalOptions): AsyncGenerator<string> {
  const size = Math.max(1, Math.min(maxPageSize, limit));
  let last = keysetStart;
  for (let count = size; count === size; ) {
    const parameters: unknown[] = [days, size];
    const bind = (value: unknown) => `$${parameters.push(value)}`;
    const page = await database.query<KeysetPosition>(
      `SELECT id, ${keysetTime(expiry.since)} AS at FROM users
       WHERE ${haveExpiredUnheld(expiry, '$1')} AND ${follows(expiry.since, last, 'oldest first', bind)}
       ORDER BY ${expiry.since}, id LIMIT $2`,
      parameters,
    );
    for (const { id } of page) yield id;
    count = page.length;
    last = page.at(-1) ?? last;
  }
}

/** Counts the users that could not be removed and logs the first ones. */
class Failures {
  private count = 0;
  private first: unknown;

  constructor(private readonly options: Pick<UserRemovalOptions, 'expiry' | 'log' | 'metrics'>) {}

  add(userId: string, error: unknown): void {
    const { expiry, log, metrics } = this.options;
    this.count += 1;
    if (this.count === 1) this.first = error;
    metrics.retentionFailures.inc({ what: expiry.name });
    if (this.count > maxLogged) return;
    const fields = { userId, what: expiry.name, err: error };
    const message = 'could not remove an expired user';
    // An unavailable database needs no action for this user: the next run retries.
    if (error instanceof DatabaseUnavailableError) log.warn(fields, message);
    else log.error(fields, message);
  }

  logOthers(): void {
    const others = this.count - maxLogged;
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
