import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { badUserInput } from '../subgraph/errors';
import { DateTime } from '../subgraph/scalars';
import { parseUserId } from '../users/normalized';
import type { GraphqlContext } from './context';
import { EmailPreferencesType, emailPreferencesOf, toEmailPreferencesType, UserType } from './user.type';

/** How far a caller's clock may be ahead of ours. */
const clockToleranceMs = 60_000;
const asOfDescription =
  'What was in force then, by the decisions that are kept; the defaults before the first one. Now, when left out.';

/** What a user allows, or allowed, e-mail about. */
@Resolver(() => UserType)
export class UserEmailPreferencesResolver {
  @FieldResolver()
  async emailPreferences(
    @Root() user: UserType,
    @Arg('asOf', () => DateTime, { nullable: true, description: asOfDescription }) asOf: Date | null,
    @Ctx() { loaders }: GraphqlContext,
  ): Promise<EmailPreferencesType | null> {
    const moment = readMoment(asOf);
    if (!user.emailPreferences || !moment) return user.emailPreferences;
    return emailPreferencesOf(user.id, await loaders.emailPreferencesAt(user.id, moment));
  }

  @Query(() => EmailPreferencesType, {
    nullable: true,
    description: 'What a user allows e-mail about; null when the user is unknown or erased.',
  })
  async userEmailPreferences(
    @Arg('userId', () => ID, { description: 'Whose preferences.' }) userId: string,
    @Arg('asOf', () => DateTime, { nullable: true, description: asOfDescription }) asOf: Date | null,
    @Ctx() { loaders, reads }: GraphqlContext,
  ): Promise<EmailPreferencesType | null> {
    const moment = readMoment(asOf);
    const id = parseUserId(userId);
    const user = id && (await loaders.user.load(id));
    if (!user) return null;
    reads.add(user.id, 'emailPreferences');
    if (!moment) return toEmailPreferencesType(user);
    return emailPreferencesOf(user.id, await loaders.emailPreferencesAt(user.id, moment));
  }
}

/** @throws BAD_USER_INPUT for the future, of which nobody knows what will be in force */
function readMoment(asOf: Date | null): Date | null {
  if (asOf && asOf.getTime() > Date.now() + clockToleranceMs)
    throw badUserInput('The argument "asOf" must not be in the future.');
  return asOf;
}
