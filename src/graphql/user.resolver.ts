import { Arg, Args, Ctx, Field, ID, ObjectType, Query, Resolver } from 'type-graphql';
import { decodeCursor, PageArgs, PageInfo, readPageSize, toConnection } from '../subgraph/connection';
import { parseUserId } from '../users/normalized';
import type { UserFilter, UserRepository } from '../users/user.repository';
import type { GraphqlContext } from './context';
import { UserFilterInput } from './user.input';
import { toUserType, UserType } from './user.type';

@ObjectType({ description: 'A user and its place in the list.' })
export class UserEdge {
  @Field(() => String, { description: 'For `after`.' })
  cursor: string;

  @Field(() => UserType, { description: 'The user.' })
  node: UserType;
}

@ObjectType({ description: 'A page of users, newest first.' })
export class UserConnection {
  @Field(() => [UserEdge], { description: 'The users with their places.' })
  edges: UserEdge[];

  @Field(() => [UserType], { description: 'The users.' })
  nodes: UserType[];

  @Field(() => PageInfo, { description: 'Where the page stands.' })
  pageInfo: PageInfo;
}

/** The queries about users. Who may call them stands in the access table. */
@Resolver(() => UserType)
export class UserResolver {
  constructor(private readonly users: UserRepository) {}

  @Query(() => UserType, { nullable: true, description: 'The user that the access token stands for.' })
  async me(@Ctx() context: GraphqlContext): Promise<UserType | null> {
    return findUser(context, context.actor?.id ?? '');
  }

  @Query(() => UserType, { nullable: true, description: 'A user by id; null when unknown or erased.' })
  async user(
    @Arg('id', () => ID, { description: 'The id of the user.' }) id: string,
    @Ctx() context: GraphqlContext,
  ): Promise<UserType | null> {
    return findUser(context, id);
  }

  @Query(() => UserType, {
    nullable: true,
    description: 'A user by e-mail address, in any case. Needs `users:read`.',
  })
  async userByEmail(
    @Arg('email', () => String, { description: 'The confirmed or only address of the user.' }) email: string,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<UserType | null> {
    const user = await this.users.findByEmail(email);
    if (!user) return null;
    reads.add(user.id, 'email');
    return toUserType(user);
  }

  @Query(() => UserConnection, {
    name: 'users',
    description: 'Users, newest first. Needs `users:read`.',
  })
  async listUsers(
    @Arg('filter', () => UserFilterInput, { nullable: true, description: 'Which users; all when left out.' })
    filter: UserFilterInput | null,
    @Args(() => PageArgs) { first, after }: PageArgs,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<UserConnection> {
    const size = readPageSize(first);
    const wanted = {
      status: filter?.status ?? undefined,
      emailVerification: filter?.emailVerification ?? undefined,
      createdFrom: filter?.createdFrom ?? undefined,
      createdTo: filter?.createdTo ?? undefined,
      search: filter?.search ?? undefined,
    };
    const rows = await this.users.list(wanted, size + 1, decodeCursor(after));
    const page = toConnection(rows, { size, after, toNode: toUserType });
    for (const { id } of page.nodes) for (const field of fieldsToldBy(wanted)) reads.add(id, field);
    return page;
  }
}

/** What a filter tells of whoever is found by it, though nobody asks for a field. */
function fieldsToldBy({ search, emailVerification, createdFrom, createdTo }: UserFilter): string[] {
  return [
    ...(search === undefined ? [] : ['email', 'username', 'firstName', 'lastName']),
    ...(emailVerification === undefined ? [] : ['emailVerification']),
    ...(createdFrom === undefined && createdTo === undefined ? [] : ['createdAt']),
  ];
}

async function findUser({ loaders }: GraphqlContext, userId: string): Promise<UserType | null> {
  const id = parseUserId(userId);
  const user = id && (await loaders.user.load(id));
  return user ? toUserType(user) : null;
}
