import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { AuditTrailEntry } from '../../audit/audit.repository';
import type { AuditChange } from '../../audit/audit-changes';
import { PageInfo } from '../../subgraph/connection';
import { DateTime, Json } from '../../subgraph/scalars';
import { AuditAction } from '../users/user-enums.type';

@ObjectType('AuditChange', { simpleResolvers: true, description: 'What a change made of one field.' })
export class AuditChangeType {
  @Field(() => String, {
    description: 'Name of the field. Parts of an address are separated by a dot: `address.city`.',
  })
  field: string;

  @Field(() => Json, { nullable: true, description: 'Value before the change, or null if there was none.' })
  before: unknown;

  @Field(() => Json, { nullable: true, description: 'Value after the change, or null if there is none.' })
  after: unknown;
}

@ObjectType('AuditEntry', { simpleResolvers: true, description: 'A change or a read of a user’s data.' })
export class AuditEntryType {
  @Field(() => ID, { description: 'Unique identifier of the entry.' })
  id: string;

  @Field(() => DateTime, { description: 'Time of the change or read.' })
  at: Date;

  @Field(() => String, {
    nullable: true,
    description:
      'The `sub` of the access token used, or a name of the service’s own such as `retention`. Null if an e-mail address was confirmed without an access token.',
  })
  actor: string | null;

  @Field(() => AuditAction, { description: 'Type of the change or read.' })
  action: AuditAction;

  @Field(() => [String], {
    description: 'Names of the fields that were changed or read, without their values.',
  })
  fields: string[];

  @Field(() => Int, {
    description:
      'How many times this happened: 1, or the number of repeated reads that the entry stands for (`AUDIT_READ_WINDOW_SECONDS`).',
  })
  count: number;

  @Field(() => String, {
    nullable: true,
    description: 'Reason given for the change, or null if none was given.',
  })
  reason: string | null;

  /** The user of the entry and the values of `changes`, which are decrypted when they are selected. */
  userId: string;
  readChanges: () => AuditChange[] | null;
}

@ObjectType('AuditEdge', {
  simpleResolvers: true,
  description: 'An entry of the audit trail and its cursor.',
})
export class AuditEdge {
  @Field(() => String, {
    description: 'Cursor of this entry. Pass it as `after` to list the entries that follow.',
  })
  cursor: string;

  @Field(() => AuditEntryType, { description: 'The audit entry.' })
  node: AuditEntryType;
}

@ObjectType('AuditConnection', {
  simpleResolvers: true,
  description: 'A page of a user’s audit trail, newest first.',
})
export class AuditConnection {
  @Field(() => [AuditEdge], { description: 'Entries of the page with their cursors.' })
  edges: AuditEdge[];

  @Field(() => [AuditEntryType], { description: 'Entries of the page.' })
  nodes: AuditEntryType[];

  @Field(() => PageInfo, { description: 'Pagination information.' })
  pageInfo: PageInfo;
}

export function toAuditEntryType(userId: string, entry: AuditTrailEntry): AuditEntryType {
  return Object.assign(new AuditEntryType(), {
    userId,
    readChanges: entry.readChanges,
    id: entry.id,
    at: entry.at,
    actor: entry.actorId,
    action: entry.action,
    fields: entry.fields,
    count: entry.count,
    reason: entry.reason,
  } satisfies AuditEntryType);
}
