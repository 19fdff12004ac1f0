import { type Actor, hasAnyUsersScope, hasScope, type Scope } from '../../authentication/actor';
import { type ShownFields, shownFields } from '../../personal-data/shown-fields';
import type { ErrorBudget } from '../../subgraph/error-budget';
import { forbidden, unauthenticated } from '../../subgraph/errors';
import { parseUserId } from '../../users/normalized';

/** Who may read a field of `User`: `anyone`; `self`, the user and `users:read`; or `staff`, `users:read` alone. */
export type Audience = 'anyone' | 'self' | 'staff';

/** The audience of each field of `User`. */
export type UserFields = Readonly<Record<string, Audience>>;

/**
 * Returns the audience of each field of `User`, derived from the map of personal data.
 *
 * @throws Error for a field whose readers are neither the user nor staff
 */
export function userFieldsOf(shown: ShownFields): UserFields {
  return Object.fromEntries(
    Object.entries(shown['User'] ?? {}).map(([field, { readers }]) => {
      if (readers !== 'anyone' && readers !== 'self' && readers !== 'staff')
        throw new Error(`User.${field} shows data that only ${readers} may read`);
      return [field, readers];
    }),
  );
}

/** The audience of each field of `User`. `guardAccess` throws for a field without one. */
export const userFields = userFieldsOf(shownFields());

/** Who may call a query or mutation. Without any property: callers with a valid access token. */
export interface OperationRule {
  /** Callers need no access token. */
  readonly anyone?: true;
  /** The scope that callers need unless `self` applies. */
  readonly scope?: Scope;
  /** Returns the id of the user concerned, who needs no scope. */
  readonly self?: (args: Record<string, unknown>) => unknown;
  /** Returns whether callers without any `users:*` scope may call it with these arguments. They act for themselves. */
  readonly ownProfile?: (actor: Actor, args: Record<string, unknown>) => boolean;
  /** Returns the sensitive action of a call by the user concerned; null if the call is none. */
  readonly sensitiveAction?: (args: Record<string, unknown>) => SensitiveAction | null;
}

/** Actions of users on their own account. Those listed in `RECENT_SIGN_IN_FOR` require a recent sign-in. */
export type SensitiveAction = 'erase' | 'export' | 'email';

/** Maximum age of the sign-in for actions in `RECENT_SIGN_IN_FOR`. */
const recentSignInMs = 10 * 60_000;

/** Returns the `userId` in the input of a mutation, or undefined. */
export const inputUserId = ({ input }: Record<string, unknown>) => (input as { userId?: unknown }).userId;

/**
 * True if the input creates the profile of the actor, whose `sub` becomes the user id. Not with a password, because the
 * AuthenticationService has the credentials already, nor with external ids, which are for staff.
 */
function isOwnProfile(actor: Actor, { input }: Record<string, unknown>): boolean {
  const { userId, password, externalIds } = input as Readonly<Record<string, unknown>>;
  const id = typeof userId === 'string' ? userId.trim() : '';
  const isForSelf = parseUserId(actor.id) !== null && (id === '' || isSelf(actor, id));
  return isForSelf && (password ?? null) === null && (externalIds ?? null) === null;
}

/** The rule of each field of `Query` and `Mutation`. `guardAccess` throws for a field without one. */
export const operations: Readonly<Record<string, OperationRule>> = {
  _service: { anyone: true },
  _entities: { anyone: true },
  me: {},
  user: {},
  userByEmail: { scope: 'users:read' },
  userByExternalId: { scope: 'users:read' },
  users: { scope: 'users:read' },
  userEmailPreferences: { scope: 'users:read', self: (args) => args.userId },
  auditTrail: { scope: 'users:audit' },
  profileAsOf: { scope: 'users:audit' },
  createUser: { scope: 'users:write', ownProfile: isOwnProfile },
  updateUser: {
    scope: 'users:write',
    self: inputUserId,
    sensitiveAction: ({ input }) => ((input as { email?: unknown }).email == null ? null : 'email'),
  },
  deactivateUser: { scope: 'users:write', self: inputUserId },
  reactivateUser: { scope: 'users:write' },
  setExternalId: { scope: 'users:write' },
  removeExternalId: { scope: 'users:write' },
  updateEmailPreferences: { scope: 'users:write', self: inputUserId },
  requestEmailVerification: { scope: 'users:write', self: inputUserId },
  confirmEmail: { anyone: true },
  requestPhoneVerification: { scope: 'users:write', self: inputUserId },
  confirmPhone: { scope: 'users:write', self: inputUserId },
  exportUserData: { scope: 'users:privacy', self: inputUserId, sensitiveAction: () => 'export' },
  eraseUser: {
    scope: 'users:privacy',
    self: inputUserId,
    sensitiveAction: ({ input }) => ((input as { dryRun?: unknown }).dryRun === true ? null : 'erase'),
  },
  cancelErasure: { scope: 'users:privacy', self: inputUserId },
  placeLegalHold: { scope: 'users:privacy' },
  releaseLegalHold: { scope: 'users:privacy' },
  erasure: { scope: 'users:privacy' },
};

/** True if the actor is this user. Compares canonical ids. */
export function isSelf(actor: Actor, userId: unknown): boolean {
  const own = parseUserId(actor.id);
  return own !== null && typeof userId === 'string' && parseUserId(userId) === own;
}

function signedInRecently({ authenticatedAt }: Actor): boolean {
  return authenticatedAt !== undefined && Date.now() - authenticatedAt.getTime() <= recentSignInMs;
}

/** A call of a query or mutation. */
export interface OperationCall {
  readonly name: string;
  readonly args: Record<string, unknown>;
}

/** @throws UNAUTHENTICATED or FORBIDDEN if the actor may not call this query or mutation with these arguments */
export function checkOperation(
  actor: Actor | null,
  { name, args }: OperationCall,
  recentSignInFor: ReadonlySet<SensitiveAction>,
): void {
  const rule = operations[name];
  if (rule?.anyone) return;
  if (!actor) throw unauthenticated();
  if (rule && !rule.scope) return;
  const self = rule?.self !== undefined && isSelf(actor, rule.self(args));
  const action = self ? rule?.sensitiveAction?.(args) : null;
  if (action && recentSignInFor.has(action) && !signedInRecently(actor))
    throw forbidden(
      `call ${name} for yourself with a sign-in older than 10 minutes`,
      'RECENT_SIGN_IN_REQUIRED',
    );
  if (self || (rule?.scope && hasScope(actor, rule.scope))) return;
  if (rule?.ownProfile && !hasAnyUsersScope(actor) && rule.ownProfile(actor, args)) return;
  throw forbidden(
    `call ${name}${rule?.self ? ' for another user' : ''}${rule?.ownProfile ? ' with this input' : ''}`,
  );
}

/** True if the actor may read this user's fields of this audience. */
export function mayRead(actor: Actor | null, userId: string, audience: Audience): boolean {
  if (audience === 'anyone') return true;
  if (!actor) return false;
  return hasScope(actor, 'users:read') || (audience === 'self' && isSelf(actor, userId));
}

/**
 * Returns null, the value of a field that the actor may not read.
 *
 * @throws FORBIDDEN if the actor has a `users:*` scope and the response has not reached its maximum of errors
 */
export function refuseField(actor: Actor | null, field: string, errors: ErrorBudget): null {
  if (hasAnyUsersScope(actor) && errors.take()) throw forbidden(`read ${field} of this user`);
  return null;
}
