import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { DateTime } from '../../subgraph/scalars';
import type { GraphqlContext } from '../context';
import { UserType } from '../users/user.type';

/** Resolves `User.erasureScheduledFor`. */
@Resolver(() => UserType)
export class ErasureScheduleResolver {
  @FieldResolver(() => DateTime, {
    nullable: true,
    description: 'Time at which the user will be erased, or null if no erasure is scheduled.',
  })
  async erasureScheduledFor(
    @Root() user: UserType,
    @Ctx() { loaders }: GraphqlContext,
  ): Promise<Date | null> {
    if (user.status === 'UNKNOWN') return null;
    return (await loaders.erasureScheduledFor([user.id], null)).get(user.id) ?? null;
  }
}
