import { createHmac, randomInt, timingSafeEqual } from 'node:crypto';
import type { AuditLog } from '../audit/audit-log';
import type { Outbox } from '../outbox/outbox';
import type { Database, Transaction } from '../postgres/database';
import { newId } from '../postgres/new-id';
import type { Idempotency } from '../users/idempotency';
import type { SigningKeys } from '../users/signing-keys';
import type { User } from '../users/user.entity';
import { InvalidInputError, InvalidTokenError } from '../users/user.errors';
import { userPhoneVerified } from '../users/user.events';
import type { UserRepository } from '../users/user.repository';
import { InputReader } from '../users/user.validation';
import { type Caller, checkActive, type UserChanges } from '../users/user-changes';
import { isRateLimited, markUsed, storeCode, takeTry } from './phone-verification-codes.repository';

export interface RequestPhoneVerification {
  userId: string;
  idempotencyKey?: string | null | undefined;
}

export interface ConfirmPhone {
  userId: string;
  code: string;
}

/** What became of a request or of a try. */
export type PhoneCodeOutcome = 'requested' | 'limited' | 'confirmed' | 'refused';

export interface PhoneVerificationOptions {
  readonly database: Database;
  readonly users: UserRepository;
  readonly changes: UserChanges;
  readonly idempotency: Idempotency;
  readonly keys: SigningKeys;
  readonly outbox: Outbox;
  readonly audit: AuditLog;
  readonly metrics: { phoneCodes: { inc(labels: { outcome: PhoneCodeOutcome }): void } };
}

/** Verifies phone numbers: requests a message with a code and checks the code. */
export class PhoneVerificationService {
  constructor(private readonly options: PhoneVerificationOptions) {}

  /**
   * Publishes a request to send a code to the user's number. The version does not change.
   *
   * Does nothing if the number is verified, if the user got a code for it within a minute, or ten codes for any
   * numbers in 24 hours.
   *
   * @throws UserNotFoundError, UserNotActiveError, InvalidInputError, IdempotencyConflictError
   */
  async request(caller: Caller, input: RequestPhoneVerification): Promise<User> {
    const { idempotency, users } = this.options;
    const { key } = await this.options.keys.get('phone-verification');
    const reader = new InputReader();
    reader.idempotencyKey(input.idempotencyKey);
    return idempotency.run({ caller, mutation: 'requestPhoneVerification', input }, async (tx) => {
      const user = await users.lockKnown(tx, input.userId);
      reader.finish();
      checkActive(user);
      const { phoneNumber } = user;
      if (phoneNumber === null)
        throw new InvalidInputError([
          { path: 'phoneNumber', code: 'REQUIRED', message: 'must be set before it can be verified' },
        ]);
      if (user.phoneVerification === 'VERIFIED') return user;
      const phoneDigest = digestOf(key, 'phone', [user.id, phoneNumber]);
      if (await isRateLimited(tx, user.id, phoneDigest)) {
        this.count(tx, 'limited');
        return user;
      }
      return this.send(tx, caller, { user, phoneNumber, phoneDigest, key });
    });
  }

  /**
   * Verifies the user's number by the latest code, which works once. The code allows five tries, counted over all
   * replicas. Only input of six digits counts as a try.
   *
   * @throws UserNotFoundError, UserNotActiveError, InvalidTokenError
   */
  async confirm(caller: Caller, { userId, code }: ConfirmPhone): Promise<User> {
    const { changes, database, users } = this.options;
    const { key } = await this.options.keys.get('phone-verification');
    const verified = await database.transaction(async (tx) => {
      // The lock on the user's row serialises tries, and requests with them.
      const user = await users.lockKnown(tx, userId);
      checkActive(user);
      const isRight = await this.useCode(tx, key, { user, code: code.trim() });
      // Returned, not thrown: the transaction must commit the try.
      if (!isRight) return null;
      const at = changes.timeFor(user);
      const values = { phoneVerification: 'VERIFIED', phoneVerifiedAt: at } as const;
      const eventOf = (it: User) => userPhoneVerified(it, at);
      this.count(tx, 'confirmed');
      return changes.apply(tx, { user, values, at, eventOf, origin: caller });
    });
    if (verified) return verified;
    this.options.metrics.phoneCodes.inc({ outcome: 'refused' });
    throw new InvalidTokenError();
  }

  private async send(
    tx: Transaction,
    caller: Caller,
    it: { user: User; phoneNumber: string; phoneDigest: string; key: Buffer },
  ): Promise<User> {
    const { audit, changes, outbox } = this.options;
    const { user, phoneNumber, phoneDigest, key } = it;
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    const codeDigest = digestOf(key, 'code', [user.id, phoneNumber, code]);
    const { issuedAt, expiresAt } = await storeCode(tx, { userId: user.id, phoneDigest, codeDigest });
    await outbox.append(tx, {
      id: newId(),
      userId: user.id,
      version: null,
      type: 'UserPhoneVerificationRequested',
      data: { userId: user.id, phoneNumber, code, expiresAt: expiresAt.toISOString() },
      occurredAt: issuedAt,
      traceparent: caller.traceparent,
    });
    await audit.record(tx, {
      origin: caller,
      userId: user.id,
      action: 'PHONE_VERIFICATION_REQUESTED',
      fields: ['phoneVerification'],
      reason: null,
      at: issuedAt,
      values: {
        before: { phoneVerification: user.phoneVerification },
        after: { phoneVerification: 'PENDING' },
      },
    });
    this.count(tx, 'requested');
    if (user.phoneVerification === 'PENDING') return user;
    return changes.writeUncounted(tx, user, { phoneVerification: 'PENDING' });
  }

  private async useCode(
    tx: Transaction,
    key: Buffer,
    { user, code }: { user: User; code: string },
  ): Promise<boolean> {
    const { id, phoneNumber, phoneVerification } = user;
    // A change of the number sets the state to UNVERIFIED: earlier codes then work for neither number.
    if (phoneNumber === null || phoneVerification !== 'PENDING' || !/^\d{6}$/.test(code)) return false;
    const taken = await takeTry(tx, id, digestOf(key, 'phone', [id, phoneNumber]));
    if (!taken) return false;
    const digest = digestOf(key, 'code', [id, phoneNumber, code]);
    if (!timingSafeEqual(Buffer.from(digest), Buffer.from(taken.codeDigest))) return false;
    await markUsed(tx, taken.id);
    return true;
  }

  private count(tx: Transaction, outcome: PhoneCodeOutcome): void {
    tx.afterCommit(() => this.options.metrics.phoneCodes.inc({ outcome }));
  }
}

/** Keyed, because codes and numbers are few enough to be guessed from a plain digest. */
function digestOf(key: Buffer, kind: 'phone' | 'code', parts: readonly string[]): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([kind, ...parts]))
    .digest('base64url');
}
