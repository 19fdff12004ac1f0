import type { AuditLog } from '../audit/audit-log';
import { commerceEntryTypes } from '../history/commerce-entry';
import type { Database, Transaction } from '../postgres/database';
import { LegalHoldError, UserNotFoundError } from '../users/user.errors';
import type { Caller } from '../users/user-changes';
import type { Erasures } from './erasures';

const entriesPerBatch = 1_000;
/** What one run removes at most; the next one goes on. */
const largestRun: RetentionOutcome = { users: 1_000, historyEntries: 100_000 };
/** Any constant will do; replicas that apply the policy at once meet at this lock. */
const retentionLock = 7_305_808_872;

/** Days after which data go; null: they stay. */
export interface RetentionPolicy {
  /** Counted from the deactivation. */
  readonly deactivatedDays: number | null;
  /** Counted from when an entry was recorded, as producers' clocks decide nothing about keeping. */
  readonly historyDays: number | null;
}

/** What a run removed, or would remove. */
export interface RetentionOutcome {
  readonly users: number;
  readonly historyEntries: number;
}

export interface RetentionOptions {
  readonly database: Database;
  readonly erasures: Erasures;
  readonly audit: AuditLog;
  readonly policy: RetentionPolicy;
  readonly metrics: { retentionRemovals: { inc(labels: { what: string }, count: number): void } };
  /** What one run removes at most; 1,000 users and 100,000 entries unless told. */
  readonly limits?: RetentionOutcome;
}

const retention: Caller = { actor: { id: 'retention', scopes: new Set() }, traceparent: null };

const notHeld = (userId: string) =>
  `NOT EXISTS (SELECT FROM legal_holds WHERE legal_holds.user_id = ${userId})`;
const expiredUsers = `status = 'DEACTIVATED' AND status_changed_at < now() - make_interval(days => $1)
  AND ${notHeld('users.id')}`;
const expiredEntries = `recorded_at < now() - make_interval(days => $1) AND ${notHeld('user_history.user_id')}`;

/**
 * Applies the retention policy by the database's clock: erases users who were deactivated long ago, removes old
 * history. Legal holds come first. What an entry added to its user's summary stays.
 */
export class Retention {
  constructor(private readonly options: RetentionOptions) {}

  /** What `run` would do if nothing was too much for one run. Changes nothing. */
  async plan(): Promise<RetentionOutcome> {
    const { policy } = this.options;
    return {
      users: await this.count('users', expiredUsers, policy.deactivatedDays),
      historyEntries: await this.count('user_history', expiredEntries, policy.historyDays),
    };
  }

  /** Removes what has had its time, in batches; it can be killed and run again. */
  async run(): Promise<RetentionOutcome> {
    const { policy, metrics } = this.options;
    const users = policy.deactivatedDays === null ? 0 : await this.eraseUsers(policy.deactivatedDays);
    metrics.retentionRemovals.inc({ what: 'users' }, users);
    const historyEntries = policy.historyDays === null ? 0 : await this.removeEntries(policy.historyDays);
    metrics.retentionRemovals.inc({ what: 'history' }, historyEntries);
    return { users, historyEntries };
  }

  private async count(table: string, expired: string, days: number | null): Promise<number> {
    if (days === null) return 0;
    const [row] = await this.options.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${table} WHERE ${expired}`,
      [days],
    );
    return row?.count ?? 0;
  }

  private async eraseUsers(days: number): Promise<number> {
    const { database, limits = largestRun } = this.options;
    const expired = await database.query<{ id: string }>(
      `SELECT id FROM users WHERE ${expiredUsers} ORDER BY status_changed_at LIMIT $2`,
      [days, limits.users],
    );
    let erased = 0;
    for (const { id } of expired) {
      const done = await this.alone(() => this.eraseUser(id));
      if (done === null) break;
      erased += done;
    }
    return erased;
  }

  private async eraseUser(userId: string): Promise<number> {
    try {
      await this.options.erasures.erase(retention, { userId, policy: 'RETENTION_DEACTIVATED_DAYS' });
      return 1;
    } catch (error) {
      // Reactivated, held, or erased by another replica, since it was found.
      if (error instanceof UserNotFoundError || error instanceof LegalHoldError) return 0;
      throw error;
    }
  }

  private async removeEntries(days: number): Promise<number> {
    const { limits = largestRun } = this.options;
    let removed = 0;
    while (removed < limits.historyEntries) {
      const limit = Math.min(entriesPerBatch, limits.historyEntries - removed);
      const count = await this.alone((tx) => this.removeBatch(tx, days, limit));
      removed += count ?? 0;
      if (count === null || count < limit) break;
    }
    return removed;
  }

  /** Takes a step of a run while no other replica takes any; null when one does. */
  private async alone(step: (tx: Transaction) => Promise<number>): Promise<number | null> {
    return this.options.database.transaction(async (tx) => {
      const [lock]: { mine: boolean }[] = await tx.manager.query(
        'SELECT pg_try_advisory_xact_lock($1) AS mine',
        [retentionLock],
      );
      return lock?.mine ? step(tx) : null;
    });
  }

  /** Of commerce entries the identity stays, so that the event is not folded again when it is delivered again. */
  private async removeBatch(tx: Transaction, days: number, limit: number): Promise<number> {
    const removed: { userId: string; count: number }[] = await tx.manager.query(
      `WITH gone AS (
         DELETE FROM user_history WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM user_history WHERE ${expiredEntries} LIMIT $2 FOR UPDATE SKIP LOCKED))
         RETURNING user_id, source, event_id, type
       ), remembered AS (
         INSERT INTO erased_events SELECT source, event_id FROM gone WHERE type = ANY ($3::text[])
         ON CONFLICT DO NOTHING
       ), cut AS (
         UPDATE user_commerce SET history_is_cut = true
         WHERE NOT history_is_cut AND user_id IN (SELECT user_id FROM gone WHERE type = ANY ($3::text[]))
       )
       SELECT user_id AS "userId", count(*)::int AS count FROM gone GROUP BY user_id ORDER BY user_id`,
      [days, limit, commerceEntryTypes],
    );
    const at = new Date();
    if (removed.length > 0)
      await this.options.audit.record(
        tx,
        ...removed.map(({ userId, count }) => ({
          origin: retention,
          userId,
          action: 'HISTORY_EXPIRED' as const,
          fields: ['history'],
          reason: 'RETENTION_HISTORY_DAYS',
          statement: `RETENTION_HISTORY_DAYS ${days}: ${count} entries`,
          at,
          values: null,
        })),
      );
    return removed.reduce((sum, { count }) => sum + count, 0);
  }
}
