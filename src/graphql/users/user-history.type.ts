import { Field, ID, ObjectType } from 'type-graphql';
import type { HistoryEntry } from '../../history/history-entry.entity';
import { PageInfo } from '../../subgraph/connection';
import { DateTime, Json } from '../../subgraph/scalars';
import { HistoryEntryType } from './user-enums.type';

@ObjectType('UserHistoryEntry', { simpleResolvers: true, description: 'An entry of a user’s history.' })
export class UserHistoryEntryType {
  @Field(() => ID, { description: 'Unique identifier of the entry.' })
  id: string;

  @Field(() => HistoryEntryType, { description: 'Type of the entry.' })
  type: HistoryEntry['type'];

  @Field(() => DateTime, { description: 'Time at which it happened.' })
  occurredAt: Date;

  @Field(() => DateTime, { description: 'Time at which this service recorded it.' })
  recordedAt: Date;

  @Field(() => String, { description: 'The `source` of the CloudEvent that reported it.' })
  source: string;

  @Field(() => String, {
    description: 'The `id` of the CloudEvent that reported it, unique within `source`.',
  })
  eventId: string;

  @Field(() => Boolean, {
    description:
      'True if a commerce entry of this user with a later `occurredAt` was recorded before this one.',
  })
  late: boolean;

  @Field(() => String, { description: 'English sentence that describes the entry.' })
  summary: string;

  @Field(() => Json, { description: 'Details of the entry. Their format depends on `type`.' })
  data: Record<string, unknown>;
}

@ObjectType('UserHistoryEdge', {
  simpleResolvers: true,
  description: 'An entry of the history and its cursor.',
})
export class UserHistoryEdge {
  @Field(() => String, {
    description: 'Cursor of this entry. Pass it as `after` to list the entries that follow.',
  })
  cursor: string;

  @Field(() => UserHistoryEntryType, { description: 'The history entry.' })
  node: UserHistoryEntryType;
}

@ObjectType('UserHistoryConnection', {
  simpleResolvers: true,
  description: 'A page of a user’s history, newest first.',
})
export class UserHistoryConnection {
  @Field(() => [UserHistoryEdge], { description: 'Entries of the page with their cursors.' })
  edges: UserHistoryEdge[];

  @Field(() => [UserHistoryEntryType], { description: 'Entries of the page.' })
  nodes: UserHistoryEntryType[];

  @Field(() => PageInfo, { description: 'Pagination information.' })
  pageInfo: PageInfo;
}

export function toHistoryEntryType(entry: HistoryEntry): UserHistoryEntryType {
  return {
    id: entry.id,
    type: entry.type,
    occurredAt: entry.occurredAt,
    recordedAt: entry.recordedAt,
    source: entry.source,
    eventId: entry.eventId,
    late: entry.late,
    summary: entry.summary,
    data: entry.data,
  };
}
