import { Field, ID, ObjectType } from 'type-graphql';
import type { HistoryEntry } from '../history/history-entry.entity';
import { PageInfo } from '../subgraph/connection';
import { DateTime, Json } from '../subgraph/scalars';
import { HistoryEntryType } from './user-enums.type';

@ObjectType('UserHistoryEntry', { description: 'One thing that happened to a user.' })
export class UserHistoryEntryType {
  @Field(() => ID, { description: 'The entry’s own id.' })
  id: string;

  @Field(() => HistoryEntryType, { description: 'What kind of thing happened.' })
  type: HistoryEntry['type'];

  @Field(() => DateTime, { description: 'When it happened.' })
  occurredAt: Date;

  @Field(() => DateTime, { description: 'When it was written down here.' })
  recordedAt: Date;

  @Field(() => String, { description: 'The `source` of the event that told of it.' })
  source: string;

  @Field(() => String, { description: 'The `id` of the event that told of it; unique within its source.' })
  eventId: string;

  @Field(() => Boolean, {
    description:
      'Whether a commerce entry of this user that happened later was already there when this one came.',
  })
  late: boolean;

  @Field(() => String, { description: 'One English sentence.' })
  summary: string;

  @Field(() => Json, { description: 'The details, depending on `type`.' })
  data: Record<string, unknown>;
}

@ObjectType('UserHistoryEdge', { description: 'An entry and its place in the history.' })
export class UserHistoryEdge {
  @Field(() => String, { description: 'For `after`.' })
  cursor: string;

  @Field(() => UserHistoryEntryType, { description: 'The entry.' })
  node: UserHistoryEntryType;
}

@ObjectType('UserHistoryConnection', { description: 'A page of a user’s history, newest first.' })
export class UserHistoryConnection {
  @Field(() => [UserHistoryEdge], { description: 'The entries with their places.' })
  edges: UserHistoryEdge[];

  @Field(() => [UserHistoryEntryType], { description: 'The entries.' })
  nodes: UserHistoryEntryType[];

  @Field(() => PageInfo, { description: 'Where the page stands.' })
  pageInfo: PageInfo;
}

export function toHistoryEntryType(entry: HistoryEntry): UserHistoryEntryType {
  return Object.assign(new UserHistoryEntryType(), {
    id: entry.id,
    type: entry.type,
    occurredAt: entry.occurredAt,
    recordedAt: entry.recordedAt,
    source: entry.source,
    eventId: entry.eventId,
    late: entry.late,
    summary: entry.summary,
    data: entry.data,
  } satisfies UserHistoryEntryType);
}
