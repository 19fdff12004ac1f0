import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { initial } from '../../consent/email-preferences.projection';
import { badUserInput } from '../../subgraph/errors';
import { DateTime } from '../../subgraph/scalars';
import { parseUserId } from '../../users/normalized';
import type { GraphqlContext } from '../context';
import type { Loaders } from '../loaders';
import { EmailPreferencesType, emailPreferencesOf, toEmailPreferencesType } from './email-preferences.type';
import { UserType } from './user.type';

/** How far a caller's clock may be ahead of this service's. */
const clockToleranceMs = 60_000;
const asOfDescription =
  'Returns the preferences that were in force at this time, which must not be in the future. Defaults to the current preferences. Before the first decision of the user these are the defaults.';

/** Resolves the e-mail preferences of a user, current or earlier ones. */
@Resolver(() => UserType)
export class UserEmailPreferencesResolver {
  @FieldResolver()
  async emailPreferences(
    @Root() user: UserType,
    @Arg('asOf', () => DateTime, { nullable: true, description: asOfDescription }) asOf: Date | null,
    @Ctx() { loaders }: GraphqlContext,
  ): Promise<EmailPreferencesType | null> {
    const time = readPastTime(asOf);
    if (!user.emailPreferences || !time) return user.emailPreferences;
    return preferencesAt(loaders, user.id, time);
  }

  @Query(() => EmailPreferencesType, {
    nullable: true,
    description:
      'Returns the e-mail preferences of a user, or null if the user is unknown or erased. Requires the `users:read` scope, or the access token of the user.',
  })
  async userEmailPreferences(
    @Arg('userId', () => ID, { description: 'ID of the user.' }) userId: string,
    @Arg('asOf', () => DateTime, { nullable: true, description: asOfDescription }) asOf: Date | null,
    @Ctx() { loaders, reads }: GraphqlContext,
  ): Promise<EmailPreferencesType | null> {
    const time = readPastTime(asOf);
    const id = parseUserId(userId);
    const user = id && (await loaders.user(id));
    if (!user) return null;
    reads.add(user.id, 'emailPreferences');
    if (!time) return toEmailPreferencesType(user);
    return preferencesAt(loaders, user.id, time);
  }
}

async function preferencesAt(loaders: Loaders, userId: string, time: Date): Promise<EmailPreferencesType> {
  const preferences = await loaders.emailPreferencesAt([userId], time);
  return emailPreferencesOf(userId, preferences.get(userId) ?? initial);
}

/**
 * Returns the time unchanged. Null stands for the current preferences.
 *
 * @throws BAD_USER_INPUT for a time in the future
 */
function readPastTime(asOf: Date | null): Date | null {
  if (asOf && asOf.getTime() > Date.now() + clockToleranceMs)
    throw badUserInput('The argument "asOf" must not be in the future.');
  return asOf;
}
