import { Arg, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import type { UnsubscribeLinks } from '../../consent/unsubscribe-links';
import type { GraphqlContext } from '../context';
import { EmailPreferencesType } from './email-preferences.type';
import { EmailTopic, topicNames } from './user-enums.type';

/** Resolves `EmailPreferences.unsubscribeUrl`. */
@Resolver(() => EmailPreferencesType)
export class UnsubscribeUrlResolver {
  constructor(
    private readonly links: UnsubscribeLinks,
    /** Returns the public URL of this service, without a trailing slash; null if it is unknown. */
    private readonly publicUrl: () => string | null,
  ) {}

  @FieldResolver(() => String, {
    nullable: true,
    description:
      'One-click link that unsubscribes the user from a topic, for the `List-Unsubscribe` header (RFC 8058). It needs no sign-in and does not expire. Null if the service does not know its public URL.',
  })
  async unsubscribeUrl(
    @Root() { userId }: EmailPreferencesType,
    @Arg('topic', () => EmailTopic, { description: 'Topic of the e-mail.' }) topic: EmailTopic,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<string | null> {
    const publicUrl = this.publicUrl();
    if (publicUrl === null) return null;
    // Audited, because the link authorises a change.
    reads.add(userId, 'unsubscribeUrl');
    const token = await this.links.tokenFor({ userId, topic: topicNames[topic] });
    return `${publicUrl}/unsubscribe/${token}`;
  }
}
