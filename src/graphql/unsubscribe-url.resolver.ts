import { Arg, Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import type { UnsubscribeLinks } from '../consent/unsubscribe-links';
import type { GraphqlContext } from './context';
import { EmailPreferencesType } from './user.type';
import { EmailTopic, topicNames } from './user-enums.type';

/** `EmailPreferences.unsubscribeUrl`: the link for the headers of a mail, RFC 8058. */
@Resolver(() => EmailPreferencesType)
export class UnsubscribeUrlResolver {
  constructor(
    private readonly links: UnsubscribeLinks,
    /** The URL under which the world reaches this service, without a slash at its end. */
    private readonly publicUrl: () => string,
  ) {}

  @FieldResolver(() => String, {
    nullable: true,
    description:
      'The link that turns this topic off for whoever follows it: for `List-Unsubscribe`, one-click. It does not expire.',
  })
  async unsubscribeUrl(
    @Root() { userId }: EmailPreferencesType,
    @Arg('topic', () => EmailTopic, { description: 'What the mail is about.' }) topic: EmailTopic,
    @Ctx() { reads }: GraphqlContext,
  ): Promise<string> {
    // More than a choice that is read: whoever holds the link can turn the topic off.
    reads.add(userId, 'unsubscribeUrl');
    const token = await this.links.tokenFor({ userId, topic: topicNames[topic] });
    return `${this.publicUrl()}/unsubscribe/${token}`;
  }
}
