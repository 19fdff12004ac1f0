import type { Logger } from 'pino';
import type { AuditLog } from '../audit/audit-log';
import { ownActorIds } from '../authentication/actor';
import {
  areHeld,
  daysOf,
  expiries,
  haveExpired,
  haveExpiredUnheld,
  type RetentionPolicy,
  type TableExpiry,
} from '../personal-data/expiries';
import type { ExpiryAction } from '../personal-data/personal-data';
import { deletionOf } from '../postgres/chosen-rows';
import type { Database, Transaction } from '../postgres/database';
import { lockKeys, tryLock } from '../postgres/locks';
import { removePending } from '../users/new-users.repository';
import { LegalHoldError, UserNotFoundError } from '../users/user.errors';
import type { Caller } from '../users/user-changes';
import type { Erasures } from './erasures';
import { removeHistory } from './history-removal';
import type { Inactivity } from './inactivity';
import { type ExpiredUsers, isExpiredUser, removeUsers, type UserRemovalOptions } from './user-removal';

/** The actions of this job; `ExpiryAction` explains them. Expired waiting events are parked by the intake instead. */
type RetentionAction = Exclude<ExpiryAction, 'parked'>;
/** Removes users one by one; the other actions remove records in batches. */
type UserAction = 'erased' | 'withdrawn';
type BatchAction = Exclude<RetentionAction, UserAction>;

/** The most records that one step removes; a step is a transaction. */
const maxPerStep: Readonly<Record<BatchAction, number>> = {
  deleted: 1_000,
  'summed up': 1_000,
};
/** The most records of one name that one run removes; the next run continues. */
const maxPerRun: Readonly<Record<RetentionAction, number>> = {
  deleted: 1_000_000,
  erased: 1_000,
  'summed up': 100_000,
  withdrawn: 10_000,
};

/** How many records of each name a run removed, or would remove, and how many users it warned and deactivated. */
export type RetentionOutcome = Readonly<Record<string, number>>;

export interface RetentionOptions {
  readonly database: Database;
  readonly erasures: Erasures;
  readonly inactivity: Pick<Inactivity, 'plan' | 'run'>;
  readonly audit: AuditLog;
  readonly policy: RetentionPolicy;
  readonly metrics: UserRemovalOptions['metrics'];
  readonly log: Logger;
  /** The most records that one run removes, by name; defaults to `maxPerRun` of the action. */
  readonly limits?: Readonly<Record<string, number>>;
}

interface Step {
  readonly expiry: TableExpiry;
  readonly days: number;
  readonly limit: number;
}

const caller: Caller = { actor: { id: ownActorIds.retention, scopes: new Set() }, traceparent: null };

/**
 * Removes expired records by the map of personal data and the database's clock. Skips users under a legal hold. A run
 * that was killed can be repeated.
 */
export class Retention {
  /** Removes at most `limit` records by their action; returns how many. */
  private readonly steps: Readonly<Record<BatchAction, (tx: Transaction, step: Step) => Promise<number>>> = {
    deleted: deleteRecords,
    'summed up': (tx, { expiry, days, limit }) =>
      removeHistory(tx, { expiry, days, limit, caller, audit: this.options.audit }),
  };

  constructor(private readonly options: RetentionOptions) {}

  /** Returns the counts of expired records, without the limit of a run. Changes nothing. */
  async plan(): Promise<RetentionOutcome> {
    const records = await this.each((_action, { expiry, days }) =>
      this.count(expiry.table, haveExpiredUnheld(expiry, '$1'), days),
    );
    return { ...(await this.options.inactivity.plan()), ...records };
  }

  /** Returns the counts of expired records that stay because of a legal hold. */
  async findHeld(): Promise<RetentionOutcome> {
    return this.each((_action, { expiry, days }) =>
      this.count(expiry.table, `${haveExpired(expiry, '$1')} AND ${areHeld(expiry)}`, days),
    );
  }

  /**
   * Removes expired records in batches. When `stopping` is aborted, it finishes the current batch; the next run
   * continues. A failure of one kind of records does not stop the others; the first one is thrown at the end.
   */
  async run(stopping?: AbortSignal): Promise<RetentionOutcome> {
    const failures: unknown[] = [];
    // Before published events are deleted: the times of publication decide about inactive users.
    const inactive = await this.options.inactivity
      .run((step) => this.underLock(step), stopping)
      .catch((error: unknown) => {
        failures.push(error);
        return { inactivityWarnings: 0, inactiveUsers: 0 };
      });
    const records = await this.each((action, step) =>
      this.remove(action, step, stopping).catch((error: unknown) => {
        failures.push(error);
        return 0;
      }),
    );
    if (failures.length > 0) throw failures[0];
    return { ...inactive, ...records };
  }

  /**
   * Iterates in the order of the map. History comes before users: the erasure of a user would delete its expired
   * history uncounted.
   */
  private async each(
    work: (action: RetentionAction, step: Omit<Step, 'limit'>) => Promise<number>,
  ): Promise<RetentionOutcome> {
    const outcome: Record<string, number> = {};
    for (const expiry of expiries) {
      const { action, name } = expiry;
      if (action === 'parked') continue;
      const days = daysOf(expiry, this.options.policy);
      outcome[name] = days === null ? 0 : await work(action, { expiry, days });
    }
    return outcome;
  }

  private async count(table: string, condition: string, days: number): Promise<number> {
    const [row] = await this.options.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${table} WHERE ${condition}`,
      [days],
    );
    return row?.count ?? 0;
  }

  private async remove(
    action: RetentionAction,
    { expiry, days }: Omit<Step, 'limit'>,
    stopping?: AbortSignal,
  ): Promise<number> {
    const maximum = this.options.limits?.[expiry.name] ?? maxPerRun[action];
    if (action === 'erased' || action === 'withdrawn')
      return this.removeUsers(action, { expiry, days, limit: maximum }, stopping);
    let removed = 0;
    while (removed < maximum && !stopping?.aborted) {
      const limit = Math.min(maxPerStep[action], maximum - removed);
      const count = await this.underLock((tx) => this.steps[action](tx, { expiry, days, limit }));
      removed += count ?? 0;
      this.options.metrics.retentionRemovals.inc({ what: expiry.name }, count ?? 0);
      if (count === null || count < limit) break;
    }
    return removed;
  }

  /** Runs a step in a transaction with the lock of the retention job; returns null if another replica has the lock. */
  private async underLock<T>(step: (tx: Transaction) => Promise<T>): Promise<T | null> {
    return this.options.database.transaction(async (tx) =>
      (await tryLock(tx, lockKeys.retention)) ? step(tx) : null,
    );
  }

  private removeUsers(action: UserAction, users: ExpiredUsers & { limit: number }, stopping?: AbortSignal) {
    return removeUsers({
      ...this.options,
      ...users,
      stopping,
      underLock: (step) => this.underLock(step),
      // Users are erased afterwards, in other transactions: for `erased` the step only checks.
      remove: (tx, userId) =>
        action === 'erased' ? isExpiredUser(tx, users, { id: userId }) : this.withdrawUser(tx, users, userId),
      afterwards: action === 'erased' ? (userId) => this.eraseUser(userId) : undefined,
    });
  }

  private async eraseUser(userId: string): Promise<boolean> {
    try {
      await this.options.erasures.erase(caller, { userId, policy: 'RETENTION_DEACTIVATED_DAYS' });
      return true;
    } catch (error) {
      // Reactivated, held or erased since it was listed.
      if (error instanceof UserNotFoundError || error instanceof LegalHoldError) return false;
      throw error;
    }
  }

  private async withdrawUser(tx: Transaction, users: ExpiredUsers, userId: string): Promise<boolean> {
    if (!(await isExpiredUser(tx, users, { id: userId, lock: 'FOR UPDATE SKIP LOCKED' }))) return false;
    await removePending(tx, userId);
    return true;
  }
}

async function deleteRecords(tx: Transaction, { expiry, days, limit }: Step): Promise<number> {
  const { table } = expiry;
  const which = `${haveExpiredUnheld(expiry, '$1')} LIMIT $2 FOR UPDATE SKIP LOCKED`;
  const [, removed]: [unknown, number] = await tx.manager.query(deletionOf({ table, which }), [days, limit]);
  return removed;
}
