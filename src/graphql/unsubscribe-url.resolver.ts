import { Arg, FieldResolver, Resolver, Root } from 'type-graphql';
import type { UnsubscribeLinks } from '../users/unsubscribe-links';
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
  ): Promise<string> {
    const token = await this.links.tokenFor({ userId, topic: topicNames[topic] });
    return `${this.publicUrl()}/unsubscribe/${token}`;
  }
}
