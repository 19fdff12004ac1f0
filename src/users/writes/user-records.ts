import { isDeepStrictEqual } from 'node:util';
import type { AuditedAction, AuditRecord } from '../../audit/audit-log';
import type { ChangedValues } from '../../audit/audit-values';
import type { Origin } from '../../audit/origin';
import { historyWrite } from '../../history/user-history.repository';
import type { Outbox } from '../../outbox/outbox';
import type { Transaction } from '../../postgres/database';
import { newId } from '../../postgres/new-id';
import type { OwnedWrite, Write } from '../../postgres/write';
import type { User } from '../user.entity';
import type { UserEvent } from '../user.events';

/** A change to record. `before` is null if the user has no event yet. */
export interface Change {
  readonly before: User | null;
  readonly user: User;
  readonly event: UserEvent;
  readonly at: Date;
  readonly origin: Origin;
}

/** Returns the audited action of each change. */
export function auditedOf(changes: readonly Change[]): AuditedAction[] {
  return changes.map(({ before, user, event, at, origin }) => ({
    origin,
    userId: user.id,
    action: event.action,
    ...auditedValues(before, user),
    reason: event.action === 'USER_DEACTIVATED' ? user.statusReason : null,
    at,
  }));
}

/** Returns the writes of the history entries, audit entries and events of changes, each owned by its user. */
export function recordsOf(
  tx: Pick<Transaction, 'afterCommit'>,
  changes: readonly Change[],
  audited: AuditRecord<readonly Write[]>,
  outbox: Outbox,
): OwnedWrite[] {
  if (changes.length === 0) return [];
  const identified = changes.map((change) => ({ ...change, eventId: newId() }));
  const entries = identified.map(({ user, event, at, eventId }) => ({
    id: newId(),
    userId: user.id,
    occurredAt: at,
    recordedAt: at,
    source: `/user-service/users/${user.id}`,
    eventId,
    late: false,
    ...event.history,
  }));
  const events = identified.map(({ user, event, at, origin, eventId }) => ({
    id: eventId,
    userId: user.id,
    version: user.version,
    type: event.type,
    data: event.data,
    occurredAt: at,
    traceparent: origin.traceparent,
  }));
  const ownerIds = changes.map(({ user }) => user.id);
  return [
    ...[historyWrite(entries), ...audited.writes].map((write) => ({ write, ownerIds })),
    {
      write: outbox.appendWrite(tx, ...events, ...audited.events),
      ownerIds: [...ownerIds, ...audited.events.map(({ userId }) => userId)],
    },
  ];
}

/** Columns that hold no data about the person. */
const technicalColumns = ['id', 'version', 'revision', 'updatedAt'];

/** Returns the fields that differ and their values; for a new user (`before` null) all fields that are set. */
function auditedValues(before: User | null, after: User) {
  const fields = (Object.keys(after) as (keyof User)[])
    .filter((name) => !technicalColumns.includes(name) && !name.endsWith('Normalized'))
    .filter((name) => !isDeepStrictEqual(before?.[name] ?? null, after[name]))
    .sort();
  const valuesOf = (user: User) => Object.fromEntries(fields.map((name) => [name, user[name]]));
  const values: ChangedValues = { before: before && valuesOf(before), after: valuesOf(after) };
  return { fields, values };
}
