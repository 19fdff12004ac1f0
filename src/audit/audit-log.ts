import type { NewOutboxEvent, Outbox } from '../outbox/outbox';
import type { Transaction } from '../postgres/database';
import { newId } from '../postgres/new-id';
import { type Write, writeTogether } from '../postgres/write';
import type { AuditRepository, NewAuditEntry } from './audit.repository';
import { type AuditedAccess, accessRecordOf } from './audit-access';
import type { ChangeAction } from './audit-entry.entity';
import { type ChangedValues, encryptValues } from './audit-values';
import type { Origin } from './origin';

/** An action on a user's data, other than an access. */
export interface AuditedAction {
  readonly origin: Origin;
  readonly userId: string;
  readonly action: ChangeAction;
  /** Names of fields, never values. */
  readonly fields: readonly string[];
  /** A word of a fixed list. It is published, and is readable after an erasure. */
  readonly reason: string | null;
  /** Free text without personal data. The entry has it instead of `reason`; the event does not have it. */
  readonly storedReason?: string | null;
  readonly at: Date;
  /** Stored encrypted; unreadable once the user's key is deleted. */
  readonly values: ChangedValues | null;
}

/** Writes an audit entry for each change and each access, and the event of the entry. */
export class AuditLog {
  constructor(
    private readonly entries: AuditRepository,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Writes an entry and an event for each action in the caller's transaction. The transaction must hold the row locks
   * of users whose actions have `values`.
   */
  async record(tx: Transaction, ...actions: readonly AuditedAction[]): Promise<void> {
    const { writes, events } = this.prepareRecord(
      await this.ensureKeys(tx, usersWithValues(actions)),
      actions,
    );
    await writeTogether(tx, ...writes, this.outbox.appendWrite(tx, ...events));
  }

  /** Returns the keys of these users and creates missing ones. The transaction must hold the users' row locks. */
  ensureKeys(tx: Transaction, userIds: ReadonlySet<string>): Promise<Map<string, Buffer>> {
    return this.entries.ensureKeys(tx, userIds);
  }

  /** Returns the keys of these users. A user without one is absent. */
  findKeys(userIds: readonly string[]): Promise<Map<string, Buffer>> {
    return this.entries.findKeys(userIds);
  }

  /**
   * Returns what `record` would write: the writes of the entries, and the events. The caller runs them together with
   * its own writes. Each write has one row per action, in their order: `writeOwned` pairs rows with users by position.
   *
   * @param keys of the users whose actions have `values`
   */
  prepareRecord(
    keys: ReadonlyMap<string, Buffer>,
    actions: readonly AuditedAction[],
  ): AuditRecord<[Write, Write]> {
    const { entries, events } = entriesAndEventsOf(actions, keys);
    return { writes: this.entries.writes(entries), events };
  }

  /** Writes an entry and an event for this access in the caller's transaction. */
  async recordAccess(tx: Transaction, access: AuditedAccess): Promise<void> {
    await writeTogether(tx, ...this.accessWrites(tx, [access]));
  }

  /** Returns the writes of these accesses, for the caller to run: one entry and one event for each access. */
  accessWrites(
    tx: Pick<Transaction, 'afterCommit'>,
    accesses: readonly AuditedAccess[],
  ): [Write, Write, Write] {
    const records = accesses.map(accessRecordOf);
    return [
      ...this.entries.writes(records.map(({ entry }) => entry)),
      this.outbox.appendWrite(tx, ...records.map(({ event }) => event)),
    ];
  }

  /**
   * As `prepareRecord`, for users that the same transaction inserts. The first write inserts their keys. Each user may
   * have one action: `writeOwned` pairs rows with users by position, and the keys have one row per user.
   */
  prepareRecordWithNewKeys(actions: readonly AuditedAction[]): AuditRecord<[Write, Write, Write]> {
    const { keys, write } = this.entries.newKeys(usersWithValues(actions));
    const { writes, events } = this.prepareRecord(keys, actions);
    return { writes: [write, ...writes], events };
  }
}

/** The writes of audit entries, and their events. */
export interface AuditRecord<Writes> {
  readonly writes: Writes;
  readonly events: readonly NewOutboxEvent[];
}

function usersWithValues(actions: readonly AuditedAction[]): Set<string> {
  return new Set(actions.filter(({ values }) => values !== null).map(({ userId }) => userId));
}

function entriesAndEventsOf(actions: readonly AuditedAction[], keys: ReadonlyMap<string, Buffer>) {
  const entries: NewAuditEntry[] = [];
  const events: NewOutboxEvent[] = [];
  for (const { origin, values, fields, storedReason = null, ...rest } of actions) {
    const id = newId();
    const key = keys.get(rest.userId);
    if (values && !key)
      throw new Error(`No audit key for user ${rest.userId}: call ensureKeys with the user's row locked`);
    const encryptedValues = values && key ? encryptValues(key, id, values) : null;
    const actorId = origin.actor?.id ?? null;
    const entry = {
      ...rest,
      id,
      actorId,
      fields: [...fields],
      userIds: null,
      fieldGroups: null,
      encryptedValues,
    };
    entries.push({ ...entry, reason: storedReason ?? rest.reason });
    events.push(eventOf(entry, origin.traceparent));
  }
  return { entries, events };
}

/** Returns the event for the AuditService. It has the entry's id, and neither values nor `storedReason`. */
function eventOf(entry: NewAuditEntry & { userId: string }, traceparent: string | null): NewOutboxEvent {
  const { id, userId, at, actorId, action, fields, reason } = entry;
  return {
    id,
    userId,
    version: null,
    type: 'UserDataChanged',
    data: {
      userId,
      at: at.toISOString(),
      ...(actorId === null ? {} : { actor: actorId }),
      action,
      fields,
      ...(reason === null ? {} : { reason }),
    },
    occurredAt: at,
    traceparent,
  };
}
