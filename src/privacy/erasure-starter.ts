import type { AuditLog } from '../audit/audit-log';
import type { Outbox } from '../outbox/outbox';
import { contactDigest } from '../parked/contacts-in-message';
import type { Transaction } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { newId } from '../postgres/new-id';
import { normalized } from '../users/normalized';
import type { UserCache } from '../users/user.cache';
import type { User } from '../users/user.entity';
import type { Caller } from '../users/user-changes';
import { Erasure } from './erasure.entity';
import { addRecords, batchedStores, deleteRecords, immediateStores } from './erasure-stores';

/** The user to erase, and the reasons. */
export interface ErasureStart {
  readonly caller: Caller;
  readonly userId: string;
  /** Locked; null if no user has the id. */
  readonly user: User | null;
  /** For the row of `erasures`, which stays permanently. */
  readonly reason: string | null;
  /** A code for audit events, and for the audit entry if `reason` is null. */
  readonly auditReason: string | null;
  /** The first erasure of the id, and the last `sequence` published for it. */
  readonly earlier?: { readonly erasedAt: Date; readonly sequence: number };
}

export interface ErasureStarterOptions {
  readonly cache: UserCache;
  readonly outbox: Outbox;
  readonly audit: AuditLog;
}

const columns = selectListOf(Erasure);

/** Returns the scheduled erasure of a user, whose row is locked before, or null. Locks the erasure. */
export async function lockScheduledErasure(tx: Transaction, userId: string): Promise<Erasure | null> {
  const [row]: Erasure[] = await tx.manager.query(
    `SELECT ${columns} FROM erasures WHERE user_id = $1 AND status = 'SCHEDULED' FOR UPDATE`,
    [userId],
  );
  return row ?? null;
}

/** Starts erasures: the first transaction makes the user unknown permanently. */
export class ErasureStarter {
  constructor(private readonly options: ErasureStarterOptions) {}

  /**
   * Deletes the user and its tokens, and reserves the id permanently. Writes the row of `erasures`, or continues the
   * scheduled one, and writes the audit entry and the event.
   */
  async start(tx: Transaction, start: ErasureStart): Promise<Erasure> {
    const { caller, userId, user, reason, auditReason, earlier } = start;
    const scheduled = await lockScheduledErasure(tx, userId);
    const at = new Date(Math.max(Date.now(), (user?.updatedAt.getTime() ?? 0) + 1));
    const requested: Erasure = scheduled ?? {
      id: newId(),
      userId,
      status: 'RUNNING',
      requestedAt: at,
      scheduledFor: null,
      reactivates: false,
      completedAt: null,
      requestedBy: caller.actor.id,
      reason,
      effects: {},
    };
    const erasure = Object.assign(new Erasure(), requested, {
      status: 'RUNNING' as const,
      effects: await deleteImmediateStores(tx, userId, user),
    });
    const { id, status, effects } = erasure;
    if (scheduled) await tx.manager.update(Erasure, { id }, { status, effects });
    else await tx.insert(Erasure, erasure);
    await tx.manager.query(
      `INSERT INTO erased_users (user_id, erased_at, erasure_id) VALUES ($1, $2, $3)
       ON CONFLICT ON CONSTRAINT erased_users_pkey DO NOTHING`,
      [userId, earlier?.erasedAt ?? at, erasure.id],
    );
    await this.options.audit.record(tx, {
      origin: caller,
      userId,
      action: 'USER_ERASED',
      fields: [],
      reason: auditReason,
      storedReason: reason,
      at,
      values: null,
    });
    // Without a user no event is needed: earlier events about the id are still true.
    if (user)
      await this.options.outbox.append(tx, {
        id: newId(),
        userId,
        // Higher than every published sequence, also those from before a restore of the database.
        version: Math.max(user.version, earlier?.sequence ?? 0) + 1,
        type: 'UserErased',
        data: { userId, erasedAt: at.toISOString() },
        occurredAt: at,
        traceparent: caller.traceparent,
      });
    tx.afterCommit(async () => void (await this.options.cache.bury(userId)));
    return erasure;
  }
}

/**
 * Deletes the user, the records that are erased immediately, such as tokens that still work, and the unpublished
 * events. Returns the number of records by store.
 */
async function deleteImmediateStores(
  tx: Transaction,
  userId: string,
  user: User | null,
): Promise<Record<string, number>> {
  const effects: Record<string, number> = {};
  // Without the user's row it is unknown which parked messages have its address or number.
  await tx.manager.query(
    `UPDATE parked_messages SET named_user_ids = array_append(named_user_ids, $1::uuid)
     WHERE named_contacts && $2::text[]`,
    [userId, user === null ? [] : contactDigestsOf(user)],
  );
  const unpublished = batchedStores
    .filter(({ name }) => name === 'outbox_events')
    .map(({ name, ofUser }) => ({ name, ofUser: `${ofUser} AND published_at IS NULL` }));
  for (const store of [...immediateStores, ...unpublished])
    addRecords(
      effects,
      store.name,
      await deleteRecords(tx, store, { userId, limit: Number.MAX_SAFE_INTEGER }),
    );
  return effects;
}

function contactDigestsOf({ emailNormalized, pendingEmail, phoneNumber }: User): string[] {
  return [emailNormalized, pendingEmail, phoneNumber]
    .filter((contact) => contact !== null)
    .map((contact) => contactDigest(normalized(contact)));
}
