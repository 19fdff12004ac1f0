import { v7 as uuidv7 } from 'uuid';
import type { AuditLog } from '../audit/audit-log';
import type { Outbox } from '../outbox/outbox';
import type { Transaction } from '../postgres/database';
import type { UserCache } from '../users/user.cache';
import type { User } from '../users/user.entity';
import type { Caller } from '../users/user-changes';
import { Erasure } from './erasure.entity';
import { addRecords, batchedStores, deleteRecords, immediateStores } from './erasure-stores';

/** Whose erasure begins, and why. */
export interface ErasureStart {
  readonly caller: Caller;
  readonly userId: string;
  /** Locked; null when an id is erased that nobody has. */
  readonly user: User | null;
  /** For the ledger, for ever. */
  readonly reason: string | null;
  /** For the audit trail in a word, which others are told too; without it, it has the ledger's reason. */
  readonly auditReason: string | null;
  /** When the id was erased the first time, and the last `sequence` that others know of it. */
  readonly earlier?: { readonly erasedAt: Date; readonly sequence: number };
}

export interface ErasureStarterOptions {
  readonly cache: UserCache;
  readonly outbox: Outbox;
  readonly audit: AuditLog;
}

/** The first step of an erasure: what makes the user unknown at once and for ever. */
export class ErasureStarter {
  constructor(private readonly options: ErasureStarterOptions) {}

  /** Removes what works or refers to the user, takes the id for ever, writes the ledger, and lets others know. */
  async start(tx: Transaction, start: ErasureStart): Promise<Erasure> {
    const { caller, userId, user, reason, auditReason, earlier } = start;
    const at = new Date(Math.max(Date.now(), (user?.updatedAt.getTime() ?? 0) + 1));
    const erasure: Erasure = {
      id: uuidv7(),
      userId,
      status: 'RUNNING',
      requestedAt: at,
      completedAt: null,
      requestedBy: caller.actor.id,
      reason,
      effects: await removeAtOnce(tx, userId),
    };
    await tx.insert(Erasure, erasure);
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
      statement: reason,
      at,
      values: null,
    });
    // Of an id that nobody had nothing can have been told: what others heard long ago still holds.
    if (user)
      await this.options.outbox.append(tx, {
        id: uuidv7(),
        userId,
        // Later than all that anybody has heard of this user, also before the database was set back.
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

/** What works or refers to the user, and what is not published yet. */
async function removeAtOnce(tx: Transaction, userId: string): Promise<Record<string, number>> {
  const effects: Record<string, number> = {};
  const unpublished = batchedStores
    .filter(({ name }) => name === 'outbox_events')
    .map(({ name, ofUser }) => ({ name, ofUser: `${ofUser} AND published_at IS NULL` }));
  for (const store of [...immediateStores, ...unpublished])
    addRecords(effects, store.name, await deleteRecords(tx, store, userId, Number.MAX_SAFE_INTEGER));
  return effects;
}
