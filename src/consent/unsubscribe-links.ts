import type { SigningKeys } from '../users/signing-keys';
import type { EmailPreferencesService } from './email-preferences.service';
import { signUnsubscribeToken, type UnsubscribeClaims, verifyUnsubscribeToken } from './unsubscribe-token';

/** Links in mails that turn off one topic of one user, without signing in. */
export class UnsubscribeLinks {
  constructor(
    private readonly keys: SigningKeys,
    private readonly preferences: EmailPreferencesService,
  ) {}

  /** Returns the token of a link. It works until its signing key is deleted. */
  async tokenFor(claims: UnsubscribeClaims): Promise<string> {
    return signUnsubscribeToken(await this.keys.get('unsubscribe'), claims);
  }

  /** Returns the claims of a link, or null if this service did not sign it. */
  read(token: string): Promise<UnsubscribeClaims | null> {
    return verifyUnsubscribeToken(token, (generation) => this.keys.find('unsubscribe', generation));
  }

  /** Turns the topic off. Does nothing if the user is erased or has turned it off already. */
  follow({ userId, topic }: UnsubscribeClaims, traceparent: string | null): Promise<void> {
    return this.preferences.unsubscribe(userId, topic, traceparent);
  }
}
