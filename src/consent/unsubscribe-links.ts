import type { SigningKeys } from '../users/signing-keys';
import type { EmailPreferencesService } from './email-preferences.service';
import { signUnsubscribeToken, type UnsubscribeClaims, verifyUnsubscribeToken } from './unsubscribe-token';

/** Links in mails that turn one topic of one user off, for whoever holds them. */
export class UnsubscribeLinks {
  constructor(
    private readonly keys: SigningKeys,
    private readonly preferences: EmailPreferencesService,
  ) {}

  /** What makes a link this one: it works for as long as its key is kept. */
  async tokenFor(claims: UnsubscribeClaims): Promise<string> {
    return signUnsubscribeToken(await this.keys.get('unsubscribe'), claims);
  }

  /** What a link says; null when this service has not made it. Changes nothing. */
  read(token: string): Promise<UnsubscribeClaims | null> {
    return verifyUnsubscribeToken(token, (generation) => this.keys.find('unsubscribe', generation));
  }

  /** Does what a link says; nothing where the user is erased, or has said so already. */
  follow({ userId, topic }: UnsubscribeClaims, traceparent: string | null): Promise<void> {
    return this.preferences.unsubscribe(userId, topic, traceparent);
  }
}
