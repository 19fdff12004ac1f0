import type { Logger } from 'pino';
import { commerceEntryTypes } from '../history/commerce-entry';
import type { Database, Transaction } from '../postgres/database';
import { LegalHoldError, UserNotFoundError } from '../users/user.errors';
import type { Caller } from '../users/user-changes';
import type { Erasures } from './erasures';

const entriesPerBatch = 1_000;
/** What one run removes at most; the next one goes on. */
const entriesPerRun = 100_000;
const usersPerRun = 1_000;
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
  readonly policy: RetentionPolicy;
  readonly metrics: { retentionRemovals: { inc(labels: { what: string }, count: number): void } };
  readonly log: Logger;
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
    const { database, erasures } = this.options;
    const expired = await database.query<{ id: string }>(
      `SELECT id FROM users WHERE ${expiredUsers} ORDER BY status_changed_at LIMIT $2`,
      [days, usersPerRun],
    );
    let erased = 0;
    for (const { id } of expired) {
      try {
        await erasures.erase(retention, {
          userId: id,
          policy: 'RETENTION_DEACTIVATED_DAYS',
        });
        erased += 1;
      } catch (error) {
        // Reactivated, held, or erased by another replica, since it was found.
        if (!(error instanceof UserNotFoundError || error instanceof LegalHoldError)) throw error;
      }
    }
    return erased;
  }

  private async removeEntries(days: number): Promise<number> {
    let removed = 0;
    while (removed < entriesPerRun) {
      const count = await this.options.database.transaction((tx) => this.removeBatch(tx, days));
      removed += count;
      if (count < entriesPerBatch) break;
    }
    return removed;
  }

  /** Of commerce entries the identity stays, so that the event is not folded again when it is delivered again. */
  private async removeBatch(tx: Transaction, days: number): Promise<number> {
    const [lock]: { mine: boolean }[] = await tx.manager.query(
      'SELECT pg_try_advisory_xact_lock($1) AS mine',
      [retentionLock],
    );
    if (!lock?.mine) return 0;
    const [row]: { count: number }[] = await tx.manager.query(
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
       SELECT count(*)::int AS count FROM gone`,
      [days, entriesPerBatch, commerceEntryTypes],
    );
    return row?.count ?? 0;
  }
}
