import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, Directive, FieldResolver, Info, Int, Query, Resolver, Root } from 'type-graphql';
import {
  decodeCursor,
  namesOfPositions,
  readTwoWaySize,
  TwoWayPageArgs,
  toConnection,
} from '../../subgraph/connection';
import { badUserInput } from '../../subgraph/errors';
import { selectedNames } from '../../subgraph/selected-names';
import type { UserFilter } from '../../users/lists/user-filter';
import { newestFirst, type UserOrder } from '../../users/lists/user-order';
import type { GraphqlContext } from '../context';
import { toUserType } from './user.type';
import { cursorsOf } from './user-cursors';
import { UserFilterInput, UserOrderInput } from './user-filter.input';
import { UserConnection } from './user-list.type';

/** The most ids in a filter. */
const maxIds = 100;

/** Resolves `Query.users`. The access guard checks the scope before the resolver runs. */
@Resolver(() => UserConnection)
export class UserListResolver {
  @Query(() => UserConnection, {
    name: 'users',
    description: 'Lists users, newest first unless `orderBy` is given. Requires the `users:read` scope.',
  })
  async listUsers(
    @Arg('filter', () => UserFilterInput, {
      nullable: true,
      description: 'Return only users that match this filter.',
    })
    filterInput: UserFilterInput | null,
    @Arg('orderBy', () => UserOrderInput, {
      nullable: true,
      defaultValue: newestFirst,
      description: 'Order of the list.',
    })
    orderInput: UserOrderInput | null,
    @Args(() => TwoWayPageArgs) page: TwoWayPageArgs,
    @Info() info: GraphQLResolveInfo,
    @Ctx() { reads, deadline, lateReads }: GraphqlContext,
  ): Promise<UserConnection> {
    const { size, backward } = readTwoWaySize(page, info);
    const { after, before } = page;
    const filter = readFilter(filterInput);
    const order = orderInput ?? newestFirst;
    const cursors = cursorsOf(order);
    const { lists } = await lateReads.get();
    const selected = selectedNames(info);
    const rows = await lists.list(filter, {
      order,
      limit: size + 1,
      after: decodeCursor(after, { cursors }),
      before: decodeCursor(before, { argument: 'before', cursors }),
      backward,
      properties: propertiesFor(selected),
      positions: [...selected].some((name) => namesOfPositions.has(name)),
      signal: deadline.signal,
    });
    const users = toConnection(rows, { size, after, before, backward, cursors, toNode: toUserType });
    // Audited even if the operation selects only ids.
    const revealed = [...fieldsRevealedBy(filter), ...fieldsRevealedByOrder[order.field]];
    for (const { id } of users.nodes) for (const field of revealed) reads.add(id, field);
    return Object.assign(users, { filter });
  }

  @Directive('@cost(weight: 50)')
  @FieldResolver(() => Int, {
    nullable: true,
    description: 'Number of users that match the filter, on all pages. Null if they are more than 10,000.',
  })
  async totalCount(
    @Root() { filter }: UserConnection,
    @Ctx() { deadline, lateReads }: GraphqlContext,
  ): Promise<number | null> {
    return (await lateReads.get()).lists.count(filter, deadline.signal);
  }
}

/** Fields that are made of several columns. */
const composedFields = ['emailVerification', 'phoneVerification', 'emailPreferences'];

/** Returns the properties of users that an operation shows; undefined for all. */
function propertiesFor(selected: ReadonlySet<string>): ReadonlySet<string> | undefined {
  if (composedFields.some((field) => selected.has(field))) return undefined;
  return new Set([...selected, 'id', 'status']);
}

/** @throws BAD_USER_INPUT for too many ids */
function readFilter(input: UserFilterInput | null): UserFilter {
  const given = Object.entries(input ?? {}).filter(([, value]) => value != null);
  const filter = Object.fromEntries(given) as UserFilter;
  if ((filter.ids?.length ?? 0) > maxIds)
    throw badUserInput(`The filter "ids" must have at most ${maxIds} IDs.`);
  return filter;
}

/** The fields whose values a filter reveals about the users that match it. */
const fieldsRevealed: Readonly<Record<keyof UserFilter, readonly string[]>> = {
  ids: [],
  status: [],
  emailVerification: ['emailVerification'],
  username: ['username'],
  phoneNumber: ['phoneNumber'],
  createdFrom: ['createdAt'],
  createdTo: ['createdAt'],
  updatedFrom: ['updatedAt'],
  updatedTo: ['updatedAt'],
  lastSeenFrom: ['lastSeenAt'],
  lastSeenTo: ['lastSeenAt'],
  orderCountMin: ['commerce'],
  orderCountMax: ['commerce'],
  spentMin: ['commerce'],
  search: ['email', 'username', 'firstName', 'lastName'],
};

function fieldsRevealedBy(filter: UserFilter): readonly string[] {
  return (Object.keys(filter) as (keyof UserFilter)[]).flatMap((condition) => fieldsRevealed[condition]);
}

/** The cursors hold the value by which a list is ordered. */
const fieldsRevealedByOrder: Readonly<Record<UserOrder['field'], readonly string[]>> = {
  CREATED_AT: [],
  UPDATED_AT: ['updatedAt'],
  LAST_SEEN_AT: ['lastSeenAt'],
  LAST_NAME: ['lastName'],
};
