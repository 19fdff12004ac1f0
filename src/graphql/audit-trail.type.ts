import { Field, ID, ObjectType } from 'type-graphql';
import type { AuditTrailEntry } from '../audit/audit.repository';
import { PageInfo } from '../subgraph/connection';
import { DateTime } from '../subgraph/scalars';
import { AuditAction } from './user-enums.type';

@ObjectType('AuditEntry', { description: 'Something that was done with a user’s data.' })
export class AuditEntryType {
  @Field(() => ID, { description: 'The entry’s own id.' })
  id: string;

  @Field(() => DateTime, { description: 'When it was done.' })
  at: Date;

  @Field(() => String, {
    nullable: true,
    description: 'The `sub` of who did it; null for whoever came with a confirmation token alone.',
  })
  actor: string | null;

  @Field(() => AuditAction, { description: 'What was done.' })
  action: AuditAction;

  @Field(() => [String], { description: 'The names of the fields that were changed or read, never values.' })
  fields: string[];

  @Field(() => String, { nullable: true, description: 'Why, where a reason was given.' })
  reason: string | null;
}

@ObjectType('AuditEdge', { description: 'An entry and its place in the audit trail.' })
export class AuditEdge {
  @Field(() => String, { description: 'For `after`.' })
  cursor: string;

  @Field(() => AuditEntryType, { description: 'The entry.' })
  node: AuditEntryType;
}

@ObjectType('AuditConnection', { description: 'A page of a user’s audit trail, newest first.' })
export class AuditConnection {
  @Field(() => [AuditEdge], { description: 'The entries with their places.' })
  edges: AuditEdge[];

  @Field(() => [AuditEntryType], { description: 'The entries.' })
  nodes: AuditEntryType[];

  @Field(() => PageInfo, { description: 'Where the page stands.' })
  pageInfo: PageInfo;
}

export function toAuditEntryType(entry: AuditTrailEntry): AuditEntryType {
  return Object.assign(new AuditEntryType(), {
    id: entry.id,
    at: entry.at,
    actor: entry.actorId,
    action: entry.action,
    fields: entry.fields,
    reason: entry.reason,
  } satisfies AuditEntryType);
}
