import { Arg, Args, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { decodeCursor, PageArgs, readPageSize, toConnection } from '../../subgraph/connection';
import { DateTime } from '../../subgraph/scalars';
import type { GraphqlContext } from '../context';
import { UserType } from './user.type';
import { HistoryEntryType } from './user-enums.type';
import { toHistoryEntryType, UserHistoryConnection } from './user-history.type';

/** Resolves `User.history`. */
@Resolver(() => UserType)
export class UserHistoryResolver {
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
    @Ctx() { loaders }: GraphqlContext,
  ): Promise<UserHistoryConnection | null> {
    const size = readPageSize(first);
    const position = decodeCursor(after);
    if (user.status === 'UNKNOWN') return null;
    const rows = await loaders.history({
      userId: user.id,
      page: {
        filter: { types: types ?? undefined, from: from ?? undefined, to: to ?? undefined },
        // One more entry than the page shows whether another page follows.
        limit: size + 1,
        after: position,
      },
    });
    return toConnection(rows, { size, after, toNode: toHistoryEntryType });
  }
}
