import { Arg, Args, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { decodeCursor, PageArgs, readPageSize, toConnection } from '../subgraph/connection';
import { DateTime } from '../subgraph/scalars';
import type { GraphqlContext } from './context';
import { UserType } from './user.type';
import { HistoryEntryType } from './user-enums.type';
import { toHistoryEntryType, UserHistoryConnection } from './user-history.type';

/** `User.history`: what has happened to a user, newest first by when it happened. */
@Resolver(() => UserType)
export class UserHistoryResolver {
  @FieldResolver(() => UserHistoryConnection, {
    nullable: true,
    description: 'What has happened to the user, newest first by when it happened.',
  })
  async history(
    @Root() user: UserType,
    @Args(() => PageArgs) { first, after }: PageArgs,
    @Arg('types', () => [HistoryEntryType], {
      nullable: true,
      description: 'Only these kinds; an empty list matches nothing.',
    })
    types: string[] | null,
    @Arg('from', () => DateTime, { nullable: true, description: 'Happened at or after.' }) from: Date | null,
    @Arg('to', () => DateTime, { nullable: true, description: 'Happened before.' }) to: Date | null,
    @Ctx() { loaders }: GraphqlContext,
  ): Promise<UserHistoryConnection | null> {
    const size = readPageSize(first);
    const position = decodeCursor(after);
    if (user.status === 'UNKNOWN') return null;
    const rows = await loaders.history(user.id, {
      filter: { types: types ?? undefined, from: from ?? undefined, to: to ?? undefined },
      limit: size + 1,
      after: position,
    });
    return toConnection(rows, { size, after, toNode: toHistoryEntryType });
  }
}
