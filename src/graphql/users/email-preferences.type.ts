import { Field, ID, ObjectType } from 'type-graphql';
import type { EmailPreferences } from '../../consent/email-preferences.projection';
import { DateTime } from '../../subgraph/scalars';
import type { User } from '../../users/user.entity';

@ObjectType('EmailPreferences', { simpleResolvers: true, description: 'E-mail preferences of a user.' })
export class EmailPreferencesType {
  @Field(() => ID, { description: 'ID of the user.' })
  userId: string;

  @Field(() => Boolean, {
    description: 'True if e-mail about offers and campaigns is allowed. Defaults to false.',
  })
  marketing: boolean;

  @Field(() => Boolean, { description: 'True if the newsletter is allowed. Defaults to false.' })
  newsletter: boolean;

  @Field(() => Boolean, {
    description: 'True if e-mail about recommended products is allowed. Defaults to false.',
  })
  recommendations: boolean;

  @Field(() => Boolean, {
    description: 'True if e-mail about the loyalty programme is allowed. Defaults to false.',
  })
  loyalty: boolean;

  @Field(() => Boolean, {
    description: 'True if e-mail about the user’s orders is allowed. Defaults to true.',
  })
  orderUpdates: boolean;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Time at which all topics except `orderUpdates` were turned off, or null while one of them is on.',
  })
  unsubscribedAt: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Time of the last change, or null if the preferences were never changed.',
  })
  updatedAt: Date | null;
}

/** Returns the GraphQL type of a user's current preferences. */
export function toEmailPreferencesType(user: User): EmailPreferencesType {
  return preferencesOf(user.id, user, user.preferencesUpdatedAt);
}

/** Returns the GraphQL type of a user's preferences at some time. */
export function emailPreferencesOf(userId: string, preferences: EmailPreferences): EmailPreferencesType {
  return preferencesOf(userId, preferences, preferences.updatedAt);
}

function preferencesOf(
  userId: string,
  preferences: Omit<EmailPreferences, 'updatedAt'>,
  updatedAt: Date | null,
): EmailPreferencesType {
  return {
    userId,
    marketing: preferences.marketing,
    newsletter: preferences.newsletter,
    recommendations: preferences.recommendations,
    loyalty: preferences.loyalty,
    orderUpdates: preferences.orderUpdates,
    unsubscribedAt: preferences.unsubscribedAt,
    updatedAt,
  };
}
