import { Arg, Args, Ctx, Field, ID, ObjectType, Query, Resolver } from 'type-graphql';
import { decodeCursor, PageArgs, PageInfo, readPageSize, toConnection } from '../../subgraph/connection';
import { parseUserId } from '../../users/normalized';
import type { UserRepository } from '../../users/user.repository';
import type { UserFilter, UserListRepository } from '../../users/user-list.repository';
import type { GraphqlContext } from '../context';
import { toUserType, UserType } from './user.type';
import { UserFilterInput } from './user-filter.input';

@ObjectType({ simpleResolvers: true, description: 'A user and its cursor.' })
export class UserEdge {
  @Field(() => String, {
    description: 'Cursor of this user. Pass it as `after` to list the users that follow.',
  })
  cursor: string;

  @Field(() => UserType, { description: 'The user.' })
  node: UserType;
}

@ObjectType({ simpleResolvers: true, description: 'A page of users, newest first.' })
export class UserConnection {
  @Field(() => [UserEdge], { description: 'Users of the page with their cursors.' })
  edges: UserEdge[];

  @Field(() => [UserType], { description: 'Users of the page.' })
  nodes: UserType[];

  @Field(() => PageInfo, { description: 'Pagination information.' })
  pageInfo: PageInfo;
}

/** Resolves the queries for users. The access guard checks the rules of `access.ts` before a resolver runs. */
@Resolver(() => UserType)
export class UserResolver {
  constructor(
    private readonly users: UserRepository,
    private readonly lists: UserListRepository,
  ) {}

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

  @Query(() => UserConnection, {
    name: 'users',
    description: 'Lists users, newest first. Requires the `users:read` scope.',
  })
  async listUsers(
    @Arg('filter', () => UserFilterInput, {
      nullable: true,
      description: 'Return only users that match this filter.',
    })
    filter: UserFilterInput | null,
    @Args(() => PageArgs) { first, after }: PageArgs,
    @Ctx() { reads, deadline }: GraphqlContext,
  ): Promise<UserConnection> {
    const size = readPageSize(first);
    const conditions = {
      status: filter?.status ?? undefined,
      emailVerification: filter?.emailVerification ?? undefined,
      createdFrom: filter?.createdFrom ?? undefined,
      createdTo: filter?.createdTo ?? undefined,
      search: filter?.search ?? undefined,
    };
    const rows = await this.lists.list(conditions, {
      limit: size + 1,
      after: decodeCursor(after),
      signal: deadline,
    });
    const page = toConnection(rows, { size, after, toNode: toUserType });
    // Audited even if the operation selects only ids.
    for (const { id } of page.nodes) for (const field of fieldsRevealedBy(conditions)) reads.add(id, field);
    return page;
  }
}

/** Returns the fields whose values a filter reveals about the users that match it. */
function fieldsRevealedBy({ search, emailVerification, createdFrom, createdTo }: UserFilter): string[] {
  return [
    ...(search === undefined ? [] : ['email', 'username', 'firstName', 'lastName']),
    ...(emailVerification === undefined ? [] : ['emailVerification']),
    ...(createdFrom === undefined && createdTo === undefined ? [] : ['createdAt']),
  ];
}

/** Returns a user by id, or null if the id is malformed or belongs to no user. */
async function findUser({ loaders }: GraphqlContext, userId: string): Promise<UserType | null> {
  const id = parseUserId(userId);
  const user = id && (await loaders.user(id));
  return user ? toUserType(user) : null;
}
