import type { AuditLog, AuditRecord } from '../../audit/audit-log';
import type { Outbox } from '../../outbox/outbox';
import type { Database, Transaction } from '../../postgres/database';
import {
  insertRows,
  type OwnedWrite,
  onConflictDoNothing,
  updateRows,
  type Write,
  writeOwned,
  writeTogether,
} from '../../postgres/write';
import { externalIdsOf } from '../new-users.repository';
import type { UserCache } from '../user.cache';
import { User } from '../user.entity';
import { fromConstraint } from '../user.errors';
import { auditedOf, type Change, recordsOf } from './user-records';

export interface UserWritesOptions {
  readonly cache: UserCache;
  readonly outbox: Outbox;
  readonly audit: AuditLog;
  /** Called after commit with the id of each new user. */
  readonly onUserKnown?: ((userId: string) => void) | undefined;
}

/** A row to insert, and its change; null for a `PENDING` user, which has no records. */
export interface Insertion {
  readonly user: User;
  readonly change: Change | null;
}

/** A row to update, and its change; null for values that the contract does not count as a change. */
export interface Update {
  /** The row as read. */
  readonly read: User;
  /** The row as it is to be. */
  readonly user: User;
  readonly values: Partial<User>;
  readonly change: Change | null;
}

interface RowsToWrite {
  readonly write: Write;
  readonly rows: readonly (Insertion | Update)[];
  readonly audited: AuditRecord<readonly Write[]>;
  readonly externalIds: readonly OwnedWrite[];
}

/**
 * Writes rows of users, each with the history entry, audit entry and events of its change, in one statement: in the
 * caller's transaction, or in its own if the target is the database. The cache follows the commit.
 */
export class UserWrites {
  constructor(private readonly options: UserWritesOptions) {}

  /**
   * Inserts users; returns the ids of those that were inserted.
   *
   * @param conflicts `skip` leaves out users whose id, address or username is taken; `throw` throws the expected error
   * @throws ExternalIdTakenError also with `skip`; UserIdTakenError if an erasure of the id commits during the insert
   */
  insert(
    target: Transaction | Database,
    insertions: readonly Insertion[],
    conflicts: 'skip' | 'throw',
  ): Promise<Set<string>> {
    const users = insertions.map(({ user }) => user);
    const rows = insertRows(User, users);
    const write = conflicts === 'skip' ? onConflictDoNothing(rows) : rows;
    const audited = this.options.audit.prepareRecordWithNewKeys(auditedOf(changesOf(insertions)));
    const holders = users.filter(({ externalIds }) => externalIds !== null);
    const externalIds = holders.length > 0 ? [externalIdsOf(holders)] : [];
    return this.write(target, { write, rows: insertions, audited, externalIds });
  }

  /**
   * Updates users whose rows still have the revision that was read. Skips rows that another transaction has locked.
   * Returns the ids of the updated users.
   *
   * @param keys the audit keys of the users
   * @throws EmailTakenError, UsernameTakenError
   */
  update(
    target: Transaction | Database,
    updates: readonly Update[],
    keys: ReadonlyMap<string, Buffer>,
  ): Promise<Set<string>> {
    const rows = updates.map(({ read: { id, revision }, values }) => ({ id, revision, values }));
    const audited = this.options.audit.prepareRecord(keys, auditedOf(changesOf(updates)));
    return this.write(target, { write: updateRows(User, rows), rows: updates, audited, externalIds: [] });
  }

  /** Writes the history entry, audit entry and outbox event of users that this transaction has inserted. */
  async recordInserted(tx: Transaction, insertions: readonly Insertion[]): Promise<void> {
    const changes = changesOf(insertions);
    const audited = this.options.audit.prepareRecordWithNewKeys(auditedOf(changes));
    const [first, ...others] = recordsOf(tx, changes, audited, this.options.outbox);
    if (first)
      await writeTogether(tx, first.write, ...others.map(({ write }) => write)).catch((error: unknown) => {
        throw fromConstraint(error);
      });
    this.announceAfterCommit(tx, insertions);
  }

  private async write(
    target: Transaction | Database,
    { write, rows, audited, externalIds }: RowsToWrite,
  ): Promise<Set<string>> {
    const effects: (() => Promise<void> | void)[] = [];
    const tx =
      'manager' in target
        ? target
        : { afterCommit: (effect: () => Promise<void> | void) => void effects.push(effect) };
    const records = recordsOf(tx, changesOf(rows), audited, this.options.outbox);
    const written = await writeOwned(target, write, ...records, ...externalIds).catch((error: unknown) => {
      throw fromConstraint(error);
    });
    this.announceAfterCommit(
      tx,
      rows.filter(({ user }) => written.has(user.id)),
    );
    for (const effect of effects) await effect();
    return written;
  }

  // After commit: before it, a concurrent reader would cache the old row again.
  private announceAfterCommit(
    tx: Pick<Transaction, 'afterCommit'>,
    rows: readonly (Insertion | Update)[],
  ): void {
    const { cache, onUserKnown } = this.options;
    tx.afterCommit(async () => {
      for (const { user, change } of rows) if (change?.event.type === 'UserCreated') onUserKnown?.(user.id);
      await Promise.all(rows.map(({ user }) => cache.write(user)));
    });
  }
}

function changesOf(rows: readonly { readonly change: Change | null }[]): Change[] {
  return rows.flatMap(({ change }) => change ?? []);
}
