import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, Extensions, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import type { HistoryColumns } from '../../history/user-history.repository';
import {
  decodeCursor,
  namesOfPositions,
  PageArgs,
  readPageSize,
  toConnection,
} from '../../subgraph/connection';
import type { ListResolved, ListResolver } from '../../subgraph/list-resolver';
import { DateTime } from '../../subgraph/scalars';
import { selectedNames } from '../../subgraph/selected-names';
import type { GraphqlContext } from '../context';
import { UserType } from './user.type';
import { HistoryEntryType } from './user-enums.type';
import { toHistoryEntryType, UserHistoryConnection } from './user-history.type';

interface HistoryArgs extends PageArgs {
  readonly types?: string[] | null;
  readonly from?: Date | null;
  readonly to?: Date | null;
}

/** Returns a page of the history of each user, null for unknown users. */
const historiesOf: ListResolver<UserType, HistoryArgs, GraphqlContext> = async (
  users,
  { first, after, types, from, to },
  { lateReads },
  info,
): Promise<(UserHistoryConnection | null)[]> => {
  const size = readPageSize(first);
  const page = {
    filter: { types: types ?? undefined, from: from ?? undefined, to: to ?? undefined },
    // One more entry than the page shows whether another page follows.
    limit: size + 1,
    after: decodeCursor(after),
    read: columnsFor(selectedNames(info)),
  };
  const ids = users.filter(({ status }) => status !== 'UNKNOWN').map(({ id }) => id);
  const histories = await (await lateReads.get()).history(ids, page);
  return users.map(({ id, status }) =>
    status === 'UNKNOWN'
      ? null
      : toConnection(histories.get(id) ?? [], { size, after, toNode: toHistoryEntryType }),
  );
};

const namesOfPages = [
  'nodes',
  'id',
  'type',
  'occurredAt',
  'pageInfo',
  'hasNextPage',
  'hasPreviousPage',
  '__typename',
];

function columnsFor(selected: ReadonlySet<string>): HistoryColumns {
  const others = [...selected].filter((name) => !namesOfPages.includes(name));
  if (others.length === 0) return 'page';
  return others.every((name) => namesOfPositions.has(name)) ? 'positions' : 'all';
}

/** Resolves `User.history`. */
@Resolver(() => UserType)
export class UserHistoryResolver {
  @Extensions({ resolveList: historiesOf } satisfies ListResolved)
  @FieldResolver(() => UserHistoryConnection, {
    nullable: true,
    description:
      'History of the user, ordered by `occurredAt`, newest first. Null if the user is unknown or the caller may not read it.',
  })
  async history(
    @Root() user: UserType,
    @Args(() => PageArgs) { first, after }: PageArgs,
    @Arg('types', () => [HistoryEntryType], {
      nullable: true,
      description: 'Return only entries of these types. An empty list matches nothing.',
    })
    types: string[] | null,
    @Arg('from', () => DateTime, {
      nullable: true,
      description: 'Return only entries that occurred at or after this time.',
    })
    from: Date | null,
    @Arg('to', () => DateTime, {
      nullable: true,
      description: 'Return only entries that occurred before this time.',
    })
    to: Date | null,
    @Ctx() context: GraphqlContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UserHistoryConnection | null> {
    const [history = null] = await historiesOf([user], { first, after, types, from, to }, context, info);
    return history as UserHistoryConnection | null;
  }
}
