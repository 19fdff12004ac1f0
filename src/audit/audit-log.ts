import { v7 as uuidv7 } from 'uuid';
import type { Actor } from '../authentication/actor';
import type { NewOutboxEvent, Outbox } from '../outbox/outbox';
import type { Transaction } from '../postgres/database';
import { type Write, writeTogether } from '../postgres/write';
import type { AuditRepository, NewAuditEntry } from './audit.repository';
import type { AuditAction } from './audit-entry.entity';
import { type ChangedValues, encryptValues } from './audit-values';

/** On whose behalf something happens. */
export interface Origin {
  /** null: whoever came with a confirmation token alone. */
  readonly actor: Actor | null;
  /** W3C trace context of the request, carried on into the event. */
  readonly traceparent: string | null;
}

/** Something that was done with a user's data. */
export interface AuditedAction {
  readonly origin: Origin;
  readonly userId: string;
  readonly action: AuditAction;
  /** Names, never values. */
  readonly fields: readonly string[];
  /** Why, in a word of a fixed list: it stays readable for ever, and others are told. */
  readonly reason: string | null;
  /** Why, in words without personal data, for the entry instead: it stays readable for ever, here only. */
  readonly statement?: string | null;
  readonly at: Date;
  /** Kept encrypted, and readable until the user's key is shredded. */
  readonly values: ChangedValues | null;
}

/** What is done without changing anything. */
const accesses: readonly AuditAction[] = ['USER_READ', 'USER_DATA_EXPORTED'];

/** Who did what to whose data, when and why: an entry and an event for each thing done, in the transaction that does it. */
export class AuditLog {
  constructor(
    private readonly entries: AuditRepository,
    private readonly outbox: Outbox,
  ) {}

  /** Writes in the caller's transaction, which holds the row locks of the users whose values there are. */
  async record(tx: Transaction, ...done: readonly AuditedAction[]): Promise<void> {
    const { writes, events } = await this.recording(tx, done);
    await writeTogether(tx, ...writes, this.outbox.appending(tx, ...events));
  }

  /** The same, to be written by the caller in this transaction together with what was done; the events too. */
  async recording(tx: Transaction, done: readonly AuditedAction[]): Promise<AuditRecord<[Write, Write]>> {
    const keys = await this.entries.ensureKeys(tx, usersWithValues(done));
    const { entries, events } = recordOf(done, keys);
    return { writes: this.entries.writes(entries), events };
  }

  /** The same of users who begin with it: nobody has heard of them, and there is nothing to ask for. */
  recordingNew(done: readonly AuditedAction[]): AuditRecord<Write[]> {
    const { keys, write } = this.entries.newKeys(usersWithValues(done));
    const { entries, events } = recordOf(done, keys);
    return { writes: [write, ...this.entries.writes(entries)], events };
  }
}

/** Entries as they are written, and what the AuditService is told. */
export interface AuditRecord<Writes> {
  readonly writes: Writes;
  readonly events: readonly NewOutboxEvent[];
}

function usersWithValues(done: readonly AuditedAction[]): Set<string> {
  return new Set(done.filter(({ values }) => values !== null).map(({ userId }) => userId));
}

function recordOf(done: readonly AuditedAction[], keys: ReadonlyMap<string, Buffer>) {
  const entries: NewAuditEntry[] = [];
  const events: NewOutboxEvent[] = [];
  for (const { origin, values, fields, statement = null, ...rest } of done) {
    const id = uuidv7();
    const key = keys.get(rest.userId);
    if (values && !key)
      throw new Error(`the audit key of user ${rest.userId} was made past the user's row lock`);
    const encryptedValues = values && key ? encryptValues(key, id, values) : null;
    const entry = { ...rest, id, actorId: origin.actor?.id ?? null, fields: [...fields], encryptedValues };
    entries.push({ ...entry, reason: statement ?? rest.reason });
    events.push(eventOf(entry, origin.traceparent));
  }
  return { entries, events };
}

/** The entry as the AuditService is told of it. Its id is the event's, and values are no part of it. */
function eventOf(entry: NewAuditEntry, traceparent: string | null): NewOutboxEvent {
  const { id, userId, at, actorId, action, fields, reason } = entry;
  return {
    id,
    userId,
    version: null,
    type: accesses.includes(action) ? 'UserDataAccessed' : 'UserDataChanged',
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
