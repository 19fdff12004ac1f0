import { hasScope } from '../authentication/actor';
import { parseUserId } from '../users/normalized';
import { isFrozen, type User } from '../users/user.entity';
import { AccountFrozenError, InvalidInputError, UserNotFoundError } from '../users/user.errors';
import { InputReader } from '../users/user.validation';
import type { Caller } from '../users/user-changes';

const mostGraceDays = 90;

export interface EraseUser {
  userId: string;
  /** A reason of staff, without personal data, kept permanently. The reason of a person's own request is not stored. */
  reason?: string | null | undefined;
  /** Days until the erasure is due. Absent: those of the setting for a person's own request, else 0. */
  graceDays?: number | null | undefined;
  /** The retention policy that asks for it. It erases deactivated accounts only; others count as unknown. */
  policy?: 'RETENTION_DEACTIVATED_DAYS';
}

/**
 * Returns the days until a requested erasure is due.
 *
 * @throws InvalidInputError for days out of range, and for days that people set for themselves
 */
export function graceDaysOf(
  { actor }: Caller,
  { userId, graceDays }: EraseUser,
  ownGraceDays: number,
): number {
  const ownId = parseUserId(actor.id);
  const isOwn = ownId !== null && ownId === parseUserId(userId) && !hasScope(actor, 'users:privacy');
  if (graceDays === null || graceDays === undefined) return isOwn ? ownGraceDays : 0;
  const problem = (message: string) =>
    new InvalidInputError([{ path: 'graceDays', code: 'REJECTED', message }]);
  if (isOwn) throw problem('can be set by staff only');
  if (graceDays < 0 || graceDays > mostGraceDays)
    throw problem(`must be a whole number from 0 to ${mostGraceDays}`);
  return graceDays;
}

/**
 * Checks a locked user, who may have changed since the access guard or retention read it.
 *
 * @throws UserNotFoundError, and AccountFrozenError if the account is the caller's own
 */
export function checkErasable({ actor }: Caller, user: User, { policy }: EraseUser): void {
  // Retention removes PENDING users, and erases no user who was reactivated since it was listed.
  if (user.status === 'PENDING') throw new UserNotFoundError();
  if (policy && user.status !== 'DEACTIVATED') throw new UserNotFoundError();
  if (isFrozen(user) && parseUserId(actor.id) === user.id) throw new AccountFrozenError();
}

/** Returns the reasons for the row of `erasures` and for the audit trail. */
export function reasonsOf(caller: Caller, user: User, { policy }: EraseUser, reason: string | null) {
  if (policy) return { reason: policy, auditReason: policy };
  // A person's own words may be personal data, and both records are permanent.
  if (parseUserId(caller.actor.id) === user.id) return { reason: null, auditReason: 'USER_REQUESTED' };
  return { reason, auditReason: null };
}

export function readReason(input: EraseUser): string | null {
  const reader = new InputReader();
  const reason = reader.optional('reason', input.reason, { maximum: 500 });
  reader.finish();
  return reason;
}
