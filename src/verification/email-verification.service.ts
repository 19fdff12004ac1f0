import type { AuditLog } from '../audit/audit-log';
import type { Origin } from '../audit/origin';
import { hasScope } from '../authentication/actor';
import type { Outbox } from '../outbox/outbox';
import type { Database, Transaction } from '../postgres/database';
import { newId } from '../postgres/new-id';
import { normalized } from '../users/normalized';
import type { SigningKeys } from '../users/signing-keys';
import { isFrozen, type User } from '../users/user.entity';
import {
  AccountFrozenError,
  EmailTakenError,
  InvalidTokenError,
  UsernameTakenError,
} from '../users/user.errors';
import { userEmailVerified } from '../users/user.events';
import type { UserRepository } from '../users/user.repository';
import { type Caller, checkActive, type UserChanges } from '../users/user-changes';
import {
  digestEmail,
  signEmailVerificationToken,
  verifyEmailVerificationToken,
} from './email-verification-token';
import { EmailVerificationToken } from './email-verification-token.entity';

/** A confirmation token expires after this time. */
const tokenLifetimeMs = 24 * 60 * 60 * 1000;
/** The most confirmation mails that a user gets in 24 hours, to all addresses together. */
const mailsPerDay = 20;

export interface EmailVerificationOptions {
  readonly database: Database;
  readonly users: UserRepository;
  readonly changes: UserChanges;
  readonly keys: SigningKeys;
  readonly outbox: Outbox;
  readonly audit: AuditLog;
}

/** Verifies e-mail addresses: requests a confirmation by mail and checks its token. */
export class EmailVerificationService {
  constructor(private readonly options: EmailVerificationOptions) {}

  /**
   * Publishes a request to mail a token to the pending address, or without one to the current address. The version
   * does not change.
   *
   * Does nothing if the current address is verified, if the address got a token less than a minute ago that still
   * works, or if the user got 20 tokens in 24 hours.
   *
   * @throws UserNotFoundError, UserNotActiveError
   */
  async request(caller: Caller, userId: string): Promise<User> {
    const { audit, changes, database, keys, outbox } = this.options;
    const { key } = await keys.get('email-verification');
    return database.transaction(async (tx) => {
      const user = await this.lockActive(tx, userId);
      const email = user.pendingEmail ?? user.email;
      if (user.pendingEmail === null && user.emailVerification === 'VERIFIED') return user;

      const digest = digestEmail(key, normalized(email));
      if (await this.isRateLimited(tx, user.id, digest)) return user;
      const issuedAt = new Date();
      const expiresAt = new Date(issuedAt.getTime() + tokenLifetimeMs);
      const id = newId();
      const token = await signEmailVerificationToken(key, {
        tokenId: id,
        userId: user.id,
        emailDigest: digest,
        expiresAt,
      });
      await tx.insert(EmailVerificationToken, {
        id,
        userId: user.id,
        emailDigest: digest,
        issuedAt,
        expiresAt,
        usedAt: null,
      });
      await outbox.append(tx, {
        id: newId(),
        userId: user.id,
        version: null,
        type: 'UserEmailVerificationRequested',
        data: {
          userId: user.id,
          email,
          // Lets the NotificationService warn the holder of the current address about the change.
          ...(user.pendingEmail === null ? {} : { currentEmail: user.email }),
          token,
          expiresAt: expiresAt.toISOString(),
        },
        occurredAt: issuedAt,
        traceparent: caller.traceparent,
      });
      // `emailVerification` is the state of the current address, not of the pending one.
      const keepsState = user.pendingEmail !== null || user.emailVerification !== 'UNVERIFIED';
      const emailVerification = keepsState ? user.emailVerification : 'PENDING';
      await audit.record(tx, {
        origin: caller,
        userId: user.id,
        action: 'EMAIL_VERIFICATION_REQUESTED',
        fields: ['emailVerification'],
        reason: null,
        at: issuedAt,
        values: { before: { emailVerification: user.emailVerification }, after: { emailVerification } },
      });
      return keepsState ? user : changes.writeUncounted(tx, user, { emailVerification });
    });
  }

  /**
   * Verifies the address of a token, which works once. A pending address replaces the current one.
   *
   * @throws InvalidTokenError, UserNotFoundError, UserNotActiveError, and AccountFrozenError unless staff calls
   */
  async confirm(token: string, origin: Origin): Promise<User> {
    const { changes, database, keys } = this.options;
    const { key } = await keys.get('email-verification');
    const claims = await verifyEmailVerificationToken(key, token, new Date());
    if (!claims) throw new InvalidTokenError();
    try {
      return await database.transaction(async (tx) => {
        const user = await this.options.users.lockKnown(tx, claims.userId);
        if (isFrozen(user) && !hasScope(origin.actor, 'users:write')) throw new AccountFrozenError();
        checkActive(user);
        await this.useToken(tx, claims.tokenId);
        const at = changes.timeFor(user);
        const verified = { emailVerification: 'VERIFIED', emailVerifiedAt: at } as const;

        const { pendingEmail } = user;
        if (pendingEmail !== null && digestEmail(key, normalized(pendingEmail)) === claims.emailDigest) {
          const values = { ...verified, ...replacedEmail(user, pendingEmail), pendingEmail: null };
          const eventOf = (it: User) => userEmailVerified(it, at, user.email);
          return changes.apply(tx, { user, values, at, eventOf, origin });
        }
        if (digestEmail(key, user.emailNormalized) !== claims.emailDigest) throw new InvalidTokenError();
        // Another token has verified the address before.
        if (user.emailVerification === 'VERIFIED') return user;
        const eventOf = (it: User) => userEmailVerified(it, at, null);
        return changes.apply(tx, { user, values: verified, at, eventOf, origin });
      });
    } catch (error) {
      // Another user took the address, or the username that follows it, after it became pending.
      if (error instanceof EmailTakenError || error instanceof UsernameTakenError)
        throw new InvalidTokenError();
      throw error;
    }
  }

  /** Counts the user's tokens. The lock on the user's row serialises concurrent requests. */
  private async isRateLimited(tx: Transaction, userId: string, emailDigest: string): Promise<boolean> {
    const [sent]: { fresh: boolean; today: number }[] = await tx.manager.query(
      `SELECT count(*)::int AS today, coalesce(bool_or(email_digest = $2 AND used_at IS NULL
         AND expires_at > now() AND issued_at > now() - interval '1 minute'), false) AS fresh
       FROM email_verification_tokens WHERE user_id = $1 AND issued_at > now() - interval '24 hours'`,
      [userId, emailDigest],
    );
    return sent !== undefined && (sent.fresh || sent.today >= mailsPerDay);
  }

  private async lockActive(tx: Transaction, userId: string): Promise<User> {
    const user = await this.options.users.lockKnown(tx, userId);
    checkActive(user);
    return user;
  }

  private async useToken(tx: Transaction, tokenId: string): Promise<void> {
    const [, used]: [unknown, number] = await tx.manager.query(
      'UPDATE email_verification_tokens SET used_at = now() WHERE id = $1 AND used_at IS NULL AND expires_at > now()',
      [tokenId],
    );
    if (used !== 1) throw new InvalidTokenError();
  }
}

/** Returns the columns of a new address. A username that was the old address follows. */
function replacedEmail(user: User, email: string): Partial<User> {
  const emailNormalized = normalized(email);
  const follows = user.usernameNormalized === user.emailNormalized;
  return {
    email,
    emailNormalized,
    ...(follows ? { username: email, usernameNormalized: emailNormalized } : {}),
  };
}
