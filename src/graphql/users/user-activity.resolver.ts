import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { DateTime } from '../../subgraph/scalars';
import type { GraphqlContext } from '../context';
import { UserType } from './user.type';

/** Resolves `User.lastSeenAt`. */
@Resolver(() => UserType)
export class UserActivityResolver {
  @FieldResolver(() => DateTime, {
    nullable: true,
    description: 'Time of the latest sign-in that the AuthenticationService reported, or null.',
  })
  async lastSeenAt(@Root() user: UserType, @Ctx() { loaders }: GraphqlContext): Promise<Date | null> {
    if (user.status === 'UNKNOWN') return null;
    return (await loaders.lastSeenAt([user.id], null)).get(user.id) ?? null;
  }
}
