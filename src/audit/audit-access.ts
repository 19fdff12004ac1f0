import { noUser } from '../outbox/cloud-event';
import type { NewOutboxEvent } from '../outbox/outbox';
import { newId } from '../postgres/new-id';
import type { NewAuditEntry } from './audit.repository';
import type { AccessAction, FieldGroup } from './audit-entry.entity';
import type { Origin } from './origin';

/** What a request read of other users, or several requests the same of. */
export interface AuditedAccess {
  readonly origin: Origin;
  readonly action: AccessAction;
  /** Names of fields by user id; at least one user. */
  readonly fieldsByUser: ReadonlyMap<string, ReadonlySet<string>>;
  /** How many reads the entry stands for, by user id. A user without a count was read once. */
  readonly counts?: ReadonlyMap<string, number>;
  /** A word of a fixed list. It is published, and is readable after an erasure. */
  readonly reason: string | null;
  readonly at: Date;
}

/** Users, and the fields that were read of each of them. */
interface AccessGroup {
  readonly userIds: string[];
  readonly fields: readonly string[];
  /** How often they were read, if more than once. */
  readonly count?: number;
}

/** Returns the entry of an access, and its event. */
export function accessRecordOf(access: AuditedAccess): { entry: NewAuditEntry; event: NewOutboxEvent } {
  const { origin, action, reason, at } = access;
  const id = newId();
  const actorId = origin.actor?.id ?? null;
  const accesses = groupByFields(access);
  let lastPosition = 0;
  const fieldGroups = accesses.map(({ fields, userIds, count }): FieldGroup => {
    lastPosition += userIds.length;
    return count === undefined ? { fields, lastPosition } : { fields, lastPosition, count };
  });
  return {
    entry: {
      id,
      at,
      actorId,
      userId: null,
      action,
      fields: null,
      userIds: accesses.flatMap(({ userIds }) => userIds),
      fieldGroups,
      reason,
      encryptedValues: null,
    },
    event: {
      id,
      userId: noUser,
      version: null,
      type: 'UserDataAccessed',
      data: {
        accesses,
        at: at.toISOString(),
        ...(actorId === null ? {} : { actor: actorId }),
        action,
        ...(reason === null ? {} : { reason }),
      },
      occurredAt: at,
      traceparent: origin.traceparent,
    },
  };
}

/** Groups users by the fields that were read of them, and by how often they were read. */
function groupByFields({ fieldsByUser, counts }: AuditedAccess): readonly AccessGroup[] {
  const groups = new Map<string, AccessGroup>();
  // Users can share a set, which is then sorted once.
  const groupOfSet = new Map<ReadonlySet<string>, AccessGroup>();
  for (const [userId, names] of fieldsByUser) {
    let group = counts ? undefined : groupOfSet.get(names);
    if (!group) {
      const fields = [...names].sort();
      const count = counts?.get(userId) ?? 1;
      const key = `${count} ${fields.join()}`;
      group = groups.get(key) ?? { userIds: [], fields, ...(count > 1 && { count }) };
      groups.set(key, group);
      groupOfSet.set(names, group);
    }
    group.userIds.push(userId);
  }
  return [...groups.values()];
}
