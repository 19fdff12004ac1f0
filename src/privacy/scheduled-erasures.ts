import type { AuditLog } from '../audit/audit-log';
import type { Outbox } from '../outbox/outbox';
import type { Database, Transaction } from '../postgres/database';
import { follows, type KeysetPosition, keysetStart, keysetTime } from '../postgres/keyset';
import { newId } from '../postgres/new-id';
import { parseUserId } from '../users/normalized';
import { isFrozen, type User } from '../users/user.entity';
import { ErasureNotScheduledError, UserNotFoundError } from '../users/user.errors';
import { userDeactivated, userReactivated } from '../users/user.events';
import type { UserRepository } from '../users/user.repository';
import type { Caller, UserChanges } from '../users/user-changes';
import { Erasure } from './erasure.entity';
import { type ErasureStarter, lockScheduledErasure } from './erasure-starter';

const dayMs = 24 * 60 * 60 * 1000;
const isUnheld = 'NOT EXISTS (SELECT FROM legal_holds WHERE legal_holds.user_id = erasures.user_id)';

/** A request to erase a user later. */
export interface ErasureSchedule {
  readonly user: User;
  readonly days: number;
  /** For the row of `erasures`; null for a person's own request. */
  readonly reason: string | null;
  /** A code for audit events, and for the audit entry if `reason` is null. */
  readonly auditReason: string | null;
}

export interface ScheduledErasuresOptions {
  readonly database: Database;
  readonly users: UserRepository;
  readonly changes: UserChanges;
  readonly outbox: Outbox;
  readonly audit: AuditLog;
  readonly erasureStarter: ErasureStarter;
  readonly metrics: ScheduleMetrics;
}

/** The metrics of scheduled erasures. */
export interface ScheduleMetrics {
  scheduledErasures: { inc(labels: { action: 'scheduled' | 'cancelled' | 'started' }): void };
}

/** Schedules erasures, cancels them, and starts those that are due. A user has at most one scheduled erasure. */
export class ScheduledErasures {
  constructor(private readonly options: ScheduledErasuresOptions) {}

  /** Returns when these users will be erased. Users without a scheduled erasure are absent. */
  async findByUsers(userIds: readonly string[]): Promise<Map<string, Date>> {
    const rows = await this.options.database.query<{ userId: string; scheduledFor: Date }>(
      `SELECT user_id AS "userId", scheduled_for AS "scheduledFor" FROM erasures
       WHERE user_id = ANY($1::uuid[]) AND status = 'SCHEDULED'`,
      [userIds],
    );
    return new Map(rows.map(({ userId, scheduledFor }) => [userId, scheduledFor]));
  }

  /** Schedules the erasure of a user, whose row is locked, and deactivates an active account. */
  async schedule(tx: Transaction, caller: Caller, request: ErasureSchedule): Promise<Erasure> {
    const { audit, changes } = this.options;
    const { user, days, reason, auditReason } = request;
    const at = changes.timeFor(user);
    const erasure: Erasure = {
      id: newId(),
      userId: user.id,
      status: 'SCHEDULED',
      requestedAt: at,
      scheduledFor: new Date(at.getTime() + days * dayMs),
      reactivates: user.status === 'ACTIVE',
      completedAt: null,
      requestedBy: caller.actor.id,
      reason,
      effects: {},
    };
    await tx.insert(Erasure, erasure);
    if (erasure.reactivates) {
      const statusReason = 'USER_REQUESTED';
      const values = { status: 'DEACTIVATED', statusReason, statusNotes: null, statusChangedAt: at } as const;
      await changes.apply(tx, { user, values, at, eventOf: userDeactivated, origin: caller });
    }
    await audit.record(tx, {
      origin: caller,
      userId: user.id,
      action: 'ERASURE_SCHEDULED',
      fields: [],
      reason: auditReason,
      storedReason: reason,
      at,
      values: null,
    });
    await this.appendEvent(tx, caller, erasure, at);
    tx.afterCommit(() => this.options.metrics.scheduledErasures.inc({ action: 'scheduled' }));
    return erasure;
  }

  /**
   * Cancels the scheduled erasure of a user. An account that was active before is active again, unless it is frozen.
   *
   * @throws UserNotFoundError, ErasureNotScheduledError
   */
  async cancel(caller: Caller, userId: string): Promise<Erasure> {
    const { changes, database, users } = this.options;
    return database.transaction(async (tx) => {
      const user = await users.lockKnown(tx, userId);
      if (user.status === 'PENDING') throw new UserNotFoundError();
      const erasure = await lockScheduledErasure(tx, user.id);
      if (!erasure) throw new ErasureNotScheduledError();
      if (erasure.reactivates && user.status === 'DEACTIVATED' && !isFrozen(user)) {
        const at = changes.timeFor(user);
        const values = {
          status: 'ACTIVE',
          statusReason: null,
          statusNotes: null,
          statusChangedAt: at,
        } as const;
        await changes.apply(tx, { user, values, at, eventOf: userReactivated, origin: caller });
      }
      return this.cancelFound(tx, caller, erasure);
    });
  }

  /** Cancels the scheduled erasure, if there is one, of a user who is being reactivated and whose row is locked. */
  async cancelIn(tx: Transaction, caller: Caller, userId: string): Promise<void> {
    const erasure = await lockScheduledErasure(tx, userId);
    if (erasure) await this.cancelFound(tx, caller, erasure);
  }

  /** Returns a page of erasures that are due, without those of users under a legal hold, the earliest first. */
  async findDue(limit: number, after: KeysetPosition = keysetStart): Promise<KeysetPosition[]> {
    const parameters: unknown[] = [limit];
    const bind = (value: unknown) => `$${parameters.push(value)}`;
    return this.options.database.query<KeysetPosition>(
      `SELECT id, ${keysetTime('scheduled_for')} AS at FROM erasures
       WHERE status = 'SCHEDULED' AND scheduled_for <= now() AND ${isUnheld}
         AND ${follows('scheduled_for', after, 'oldest first', bind)}
       ORDER BY scheduled_for, id LIMIT $1`,
      parameters,
    );
  }

  /** Starts an erasure that is due. Has no effect if another replica has started it, or if it was cancelled or held. */
  async start(id: string): Promise<void> {
    const { database, erasureStarter, metrics, users } = this.options;
    await database.transaction(async (tx) => {
      const [found]: { userId: string }[] = await tx.manager.query(
        'SELECT user_id AS "userId" FROM erasures WHERE id = $1',
        [id],
      );
      // The user before the erasure, in the order of the other transactions.
      const user = found ? await users.lock(tx, found.userId) : null;
      if (!user) return;
      const [due]: Pick<Erasure, 'requestedBy' | 'reason'>[] = await tx.manager.query(
        `SELECT requested_by AS "requestedBy", reason FROM erasures
         WHERE id = $1 AND status = 'SCHEDULED' AND scheduled_for <= now() AND ${isUnheld} FOR UPDATE`,
        [id],
      );
      if (!due) return;
      const { requestedBy, reason } = due;
      const isOwn = parseUserId(requestedBy) === user.id;
      const caller = { actor: { id: requestedBy, scopes: new Set<string>() }, traceparent: null };
      const auditReason = isOwn ? 'USER_REQUESTED' : null;
      await erasureStarter.start(tx, { caller, userId: user.id, user, reason, auditReason });
      tx.afterCommit(() => metrics.scheduledErasures.inc({ action: 'started' }));
    });
  }

  private async cancelFound(tx: Transaction, caller: Caller, erasure: Erasure): Promise<Erasure> {
    const { audit, metrics } = this.options;
    const { id, userId } = erasure;
    await tx.manager.update(Erasure, { id }, { status: 'CANCELLED' });
    const at = new Date();
    await audit.record(tx, {
      origin: caller,
      userId,
      action: 'ERASURE_CANCELLED',
      fields: [],
      reason: null,
      at,
      values: null,
    });
    const cancelled = Object.assign(new Erasure(), erasure, { status: 'CANCELLED' as const });
    await this.appendEvent(tx, caller, cancelled, at);
    tx.afterCommit(() => metrics.scheduledErasures.inc({ action: 'cancelled' }));
    return cancelled;
  }

  private async appendEvent(tx: Transaction, caller: Caller, erasure: Erasure, at: Date): Promise<void> {
    const { userId, status, scheduledFor } = erasure;
    const isScheduled = status === 'SCHEDULED';
    await this.options.outbox.append(tx, {
      id: newId(),
      userId,
      version: null,
      type: isScheduled ? 'UserErasureScheduled' : 'UserErasureCancelled',
      data: { userId, ...(isScheduled && { scheduledFor: scheduledFor?.toISOString() }) },
      occurredAt: at,
      traceparent: caller.traceparent,
    });
  }
}
