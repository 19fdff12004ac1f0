import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import { parseUserId } from '../../users/normalized';
import type { UserRepository } from '../../users/user.repository';
import type { GraphqlContext } from '../context';
import { toUserType, UserType } from './user.type';

/** Resolves the queries for users. The access guard checks the rules of `access.ts` before a resolver runs. */
@Resolver(() => UserType)
export class UserResolver {
  constructor(private readonly users: UserRepository) {}

  @Query(() => UserType, {
    nullable: true,
    description:
      'Returns the user of the access token, or null if it does not belong to a user. Requires an access token.',
  })
  async me(@Ctx() context: GraphqlContext): Promise<UserType | null> {
    return findUser(context, context.actor?.id ?? '');
  }

  @Query(() => UserType, {
    nullable: true,
    description: 'Returns a user by ID, or null if the user is unknown or erased. Requires an access token.',
  })
  async user(
    @Arg('id', () => ID, { description: 'ID of the user.' }) id: string,
    @Ctx() context: GraphqlContext,
  ): Promise<UserType | null> {
    return findUser(context, id);
  }

  @Query(() => UserType, {
    nullable: true,
    description:
      'Returns a user by e-mail address, regardless of case, or null. Requires the `users:read` scope.',
  })
  async userByEmail(
    @Arg('email', () => String, {
      description: 'Current e-mail address of the user. Pending addresses are not found.',
    })
    email: string,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<UserType | null> {
    const user = await this.users.findByEmail(email);
    if (!user) return null;
    reads.add(user.id, 'email');
    return toUserType(user);
  }
}

/** Returns a user by id, or null if the id is malformed or belongs to no user. */
async function findUser({ loaders }: GraphqlContext, userId: string): Promise<UserType | null> {
  const id = parseUserId(userId);
  const user = id && (await loaders.user(id));
  return user ? toUserType(user) : null;
}
