import { v7 as uuidv7 } from 'uuid';
import type { AuditLog, Origin } from '../audit/audit-log';
import type { Outbox } from '../outbox/outbox';
import type { Database, Transaction } from '../postgres/database';
import {
  digestEmail,
  signEmailVerificationToken,
  verifyEmailVerificationToken,
} from './email-verification-token';
import { EmailVerificationToken } from './email-verification-token.entity';
import { normalized, parseUserId } from './normalized';
import type { SigningKeys } from './signing-keys';
import type { User } from './user.entity';
import {
  EmailTakenError,
  InvalidTokenError,
  UserNotActiveError,
  UserNotFoundError,
  UsernameTakenError,
} from './user.errors';
import { userEmailVerified } from './user.events';
import type { UserRepository } from './user.repository';
import type { Caller, UserChanges } from './user-changes';

/** How long a confirmation token works. */
const tokenLifetimeMs = 24 * 60 * 60 * 1000;
/** Confirmation mails that a user gets at most in 24 hours, to whichever addresses. */
const mailsPerDay = 20;

/** Proves that an address reaches the person: asks for a confirmation, and takes it. */
export class EmailVerificationService {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly changes: UserChanges,
    private readonly keys: SigningKeys,
    private readonly outbox: Outbox,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Asks the NotificationService, by an event, to send a token to the pending address, or else to the current one.
   * A current address that is verified already needs nothing, nor does one that got a token less than a minute ago
   * which still works; after 20 tokens in 24 hours nothing is sent to anybody. This is no change: the version stays.
   *
   * @throws UserNotFoundError, UserNotActiveError
   */
  async request(caller: Caller, userId: string): Promise<User> {
    const { key } = await this.keys.get('email-verification');
    return this.database.transaction(async (tx) => {
      const user = await this.lockActive(tx, parseUserId(userId));
      const email = user.pendingEmail ?? user.email;
      if (user.pendingEmail === null && user.emailVerification === 'VERIFIED') return user;

      const digest = digestEmail(key, normalized(email));
      if (await this.isMailedEnough(tx, user.id, digest)) return user;
      const issuedAt = new Date();
      const expiresAt = new Date(issuedAt.getTime() + tokenLifetimeMs);
      const id = uuidv7();
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
      await this.outbox.append(tx, {
        id: uuidv7(),
        userId: user.id,
        version: null,
        type: 'UserEmailVerificationRequested',
        data: { userId: user.id, email, token, expiresAt: expiresAt.toISOString() },
        occurredAt: issuedAt,
        traceparent: caller.traceparent,
      });
      // `emailVerification` is about the address in use, not the one that is to replace it.
      const stays = user.pendingEmail !== null || user.emailVerification !== 'UNVERIFIED';
      const emailVerification = stays ? user.emailVerification : 'PENDING';
      await this.audit.record(tx, {
        origin: caller,
        userId: user.id,
        action: 'EMAIL_VERIFICATION_REQUESTED',
        fields: ['emailVerification'],
        reason: null,
        at: issuedAt,
        values: { before: { emailVerification: user.emailVerification }, after: { emailVerification } },
      });
      return stays ? user : this.changes.touch(tx, user, { emailVerification });
    });
  }

  /**
   * Takes a token once: the address it was made for is verified, and takes over if it was the pending one.
   *
   * @throws InvalidTokenError, UserNotFoundError, UserNotActiveError
   */
  async confirm(token: string, origin: Origin): Promise<User> {
    const { key } = await this.keys.get('email-verification');
    const claims = await verifyEmailVerificationToken(key, token, new Date());
    if (!claims) throw new InvalidTokenError();
    try {
      return await this.database.transaction(async (tx) => {
        const user = await this.lockActive(tx, parseUserId(claims.userId));
        await this.useToken(tx, claims.tokenId);
        const at = this.changes.timeFor(user);
        const verified = { emailVerification: 'VERIFIED', emailVerifiedAt: at } as const;

        const { pendingEmail } = user;
        if (pendingEmail !== null && digestEmail(key, normalized(pendingEmail)) === claims.emailDigest) {
          const changes = { ...verified, ...takeOver(user, pendingEmail), pendingEmail: null };
          return this.changes.apply(tx, user, changes, at, (it) => userEmailVerified(it, at, true), origin);
        }
        if (digestEmail(key, user.emailNormalized) !== claims.emailDigest) throw new InvalidTokenError();
        // A second token for an address that another one has verified meanwhile.
        if (user.emailVerification === 'VERIFIED') return user;
        return this.changes.apply(tx, user, verified, at, (it) => userEmailVerified(it, at, false), origin);
      });
    } catch (error) {
      // Somebody else took the address, or the username that follows it, since it became pending.
      if (error instanceof EmailTakenError || error instanceof UsernameTakenError)
        throw new InvalidTokenError();
      throw error;
    }
  }

  /** The user's row is locked: nobody counts beside us. */
  private async isMailedEnough(tx: Transaction, userId: string, emailDigest: string): Promise<boolean> {
    const [sent]: { fresh: boolean; today: number }[] = await tx.manager.query(
      `SELECT count(*)::int AS today, coalesce(bool_or(email_digest = $2 AND used_at IS NULL
         AND expires_at > now() AND issued_at > now() - interval '1 minute'), false) AS fresh
       FROM email_verification_tokens WHERE user_id = $1 AND issued_at > now() - interval '24 hours'`,
      [userId, emailDigest],
    );
    return sent !== undefined && (sent.fresh || sent.today >= mailsPerDay);
  }

  private async lockActive(tx: Transaction, id: string | null): Promise<User> {
    const user = id === null ? null : await this.users.lock(tx, id);
    if (!user) throw new UserNotFoundError();
    if (user.status !== 'ACTIVE') throw new UserNotActiveError();
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

/** The pending address becomes the address; a username that was the old address follows. */
function takeOver(user: User, email: string): Partial<User> {
  const emailNormalized = normalized(email);
  const follows = user.usernameNormalized === user.emailNormalized;
  return {
    email,
    emailNormalized,
    ...(follows ? { username: email, usernameNormalized: emailNormalized } : {}),
  };
}
