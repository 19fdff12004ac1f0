import type { Logger } from 'pino';
import type { AuditLog } from '../audit/audit-log';
import { ownActorIds } from '../authentication/actor';
import type { Outbox } from '../outbox/outbox';
import type { Database, Transaction } from '../postgres/database';
import { newId } from '../postgres/new-id';
import { userDeactivated } from '../users/user.events';
import type { UserRepository } from '../users/user.repository';
import type { Caller, UserChanges } from '../users/user-changes';
import {
  copyTimesOfPublication,
  type InactivityRule,
  isToDeactivate,
  removeWarning,
  storeWarning,
  usersToDeactivate,
  usersToWarn,
} from './inactive-users';

const dayMs = 24 * 60 * 60 * 1000;
/** One run warns at most this many users, and deactivates at most this many. The next run continues. */
const mostPerRun = 10_000;
/** Inactivity is counted in days, so a server checks all users less often than it applies the rest of the policy. */
const checkIntervalMs = dayMs / 4;

/** How many users were warned and deactivated, or would be. */
export interface InactivityOutcome {
  readonly inactivityWarnings: number;
  readonly inactiveUsers: number;
}

export interface InactivityOptions {
  readonly database: Database;
  readonly users: UserRepository;
  readonly changes: UserChanges;
  readonly outbox: Outbox;
  readonly audit: AuditLog;
  /** null keeps inactive users. */
  readonly rule: InactivityRule | null;
  readonly metrics: { inactiveUsers: { inc(labels: { action: 'warned' | 'deactivated' }): void } };
  readonly log: Logger;
}

/** Runs a step in a transaction with the lock of the retention job; returns null if another replica has the lock. */
type UnderLock = <T>(step: (tx: Transaction) => Promise<T>) => Promise<T | null>;

const caller: Caller = { actor: { id: ownActorIds.retention, scopes: new Set() }, traceparent: null };

/**
 * Warns inactive users, and deactivates them `warningDays` after the warning was published. Each user has its own
 * transaction, so that a run that was killed can be repeated. Skips users under a legal hold.
 */
export class Inactivity {
  private nextCheckAt = 0;

  constructor(private readonly options: InactivityOptions) {}

  /** Returns how many users a run would warn and deactivate now, without the limit of a run. Changes nothing. */
  async plan(): Promise<InactivityOutcome> {
    const { database, rule } = this.options;
    const outcome = { inactivityWarnings: 0, inactiveUsers: 0 };
    if (rule === null) return outcome;
    for await (const userId of usersToDeactivate(database, rule))
      if (await database.transaction(({ manager }) => isToDeactivate(manager, rule, userId)))
        outcome.inactiveUsers += 1;
    for await (const _userId of usersToWarn(database, rule)) outcome.inactivityWarnings += 1;
    return outcome;
  }

  /** Deactivates and warns users one by one. A failure does not stop the others; the first is thrown at the end. */
  async run(underLock: UnderLock, stopping?: AbortSignal): Promise<InactivityOutcome> {
    const { database, rule } = this.options;
    const outcome = { inactivityWarnings: 0, inactiveUsers: 0 };
    if (rule === null || (await underLock(copyTimesOfPublication)) === null) return outcome;
    const failures: unknown[] = [];
    let interrupted = false;
    const each = async (
      userIds: AsyncGenerator<string>,
      step: (tx: Transaction, userId: string) => Promise<boolean>,
    ) => {
      let count = 0;
      for await (const userId of userIds) {
        if (count === mostPerRun || stopping?.aborted) break;
        const result = await underLock((tx) => step(tx, userId)).catch((error: unknown) => {
          failures.push(error);
          this.options.log.error({ err: error, userId }, 'could not warn or deactivate an inactive user');
          return false;
        });
        if (result === null) {
          interrupted = true;
          break;
        }
        if (result) count += 1;
      }
      return count;
    };
    outcome.inactiveUsers = await each(usersToDeactivate(database, rule), (tx, id) =>
      this.deactivate(tx, rule, id),
    );
    if (Date.now() >= this.nextCheckAt) {
      outcome.inactivityWarnings = await each(usersToWarn(database, rule), (tx, id) =>
        this.warn(tx, rule, id),
      );
      // A run that reached its limit or lost the lock is continued by the next one.
      if (!interrupted && outcome.inactivityWarnings < mostPerRun)
        this.nextCheckAt = Date.now() + checkIntervalMs;
    }
    if (failures.length > 0) throw failures[0];
    return outcome;
  }

  private async warn(tx: Transaction, rule: InactivityRule, userId: string): Promise<boolean> {
    const { audit, metrics, outbox, users } = this.options;
    if (!(await users.lock(tx, userId))) return false;
    const eventId = newId();
    const warning = await storeWarning(tx, rule, { userId, eventId });
    if (!warning) return false;
    const { lastActiveAt, warnedAt } = warning;
    const deactivatesAt = new Date(warnedAt.getTime() + rule.warningDays * dayMs);
    await outbox.append(tx, {
      id: eventId,
      userId,
      version: null,
      type: 'UserInactivityWarned',
      data: { userId, lastActiveAt: lastActiveAt.toISOString(), deactivatesAt: deactivatesAt.toISOString() },
      occurredAt: warnedAt,
      traceparent: null,
    });
    await audit.record(tx, {
      origin: caller,
      userId,
      action: 'INACTIVITY_WARNED',
      fields: [],
      reason: 'RETENTION_INACTIVE_DAYS',
      at: warnedAt,
      values: null,
    });
    tx.afterCommit(() => metrics.inactiveUsers.inc({ action: 'warned' }));
    return true;
  }

  /**
   * Deactivates a warned user and deletes the warning; returns true. If the user is no longer due, only deletes the
   * warning; under a legal hold it keeps the warning.
   */
  private async deactivate(tx: Transaction, rule: InactivityRule, userId: string): Promise<boolean> {
    const { changes, metrics, users } = this.options;
    const user = await users.lock(tx, userId);
    if (!user) return false;
    const isDue = await isToDeactivate(tx.manager, rule, userId);
    await removeWarning(tx, userId);
    if (!isDue) return false;
    const at = changes.timeFor(user);
    await changes.apply(tx, {
      user,
      values: {
        status: 'DEACTIVATED',
        statusReason: 'INACTIVITY',
        statusNotes: null,
        statusChangedAt: at,
      },
      at,
      eventOf: userDeactivated,
      origin: caller,
    });
    tx.afterCommit(() => metrics.inactiveUsers.inc({ action: 'deactivated' }));
    return true;
  }
}
