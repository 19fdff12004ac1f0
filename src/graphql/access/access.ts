import { type Actor, hasAnyUsersScope, hasScope, type Scope } from '../../authentication/actor';
import { type ShownFields, shownFields } from '../../personal-data/shown-fields';
import { forbidden, unauthenticated } from '../../subgraph/errors';
import { parseUserId } from '../../users/normalized';

/** Who may read a field of `User`: everybody; the user and `users:read`; or `users:read` alone. */
export type Audience = 'anyone' | 'self' | 'staff';

/** Who may read each field of `User`. */
export type UserFields = Readonly<Record<string, Audience>>;

/**
 * Who may read each field of `User`, as the map of personal data says of what it shows.
 *
 * @throws Error for a field that is for others than the user and staff
 */
export function userFieldsOf(shown: ShownFields): UserFields {
  return Object.fromEntries(
    Object.entries(shown['User'] ?? {}).map(([field, { readers }]) => {
      if (readers !== 'anyone' && readers !== 'self' && readers !== 'staff')
        throw new Error(`access.ts: User.${field} shows what is for ${readers}`);
      return [field, readers];
    }),
  );
}

/** The class of every field of `User`. A field that is missing here stops the schema from being built. */
export const userFields = userFieldsOf(shownFields());

/** Who may call a query or mutation. */
export interface OperationRule {
  /** No token is needed. */
  readonly anyone?: true;
  /** Needed, unless `self` applies. None: any valid token will do. */
  readonly scope?: Scope;
  /** The user that is asked about or changed; that user may, without a scope. */
  readonly self?: (args: Record<string, unknown>) => unknown;
  /** When that user has to have signed in lately, `recentSignInMs` ago at most. */
  readonly recently?: (args: Record<string, unknown>) => boolean;
}

/** How old the sign-in may be for what cannot be undone. */
const recentSignInMs = 10 * 60_000;

const inputUserId = (args: Record<string, unknown>) => (args.input as { userId?: unknown }).userId;

/** The rule of every field of `Query` and `Mutation`; one that is missing here stops the schema from being built. */
export const operations: Readonly<Record<string, OperationRule>> = {
  _service: { anyone: true },
  _entities: { anyone: true },
  me: {},
  user: {},
  userByEmail: { scope: 'users:read' },
  users: { scope: 'users:read' },
  userEmailPreferences: { scope: 'users:read', self: (args) => args.userId },
  auditTrail: { scope: 'users:audit' },
  createUser: { scope: 'users:write' },
  updateUser: { scope: 'users:write', self: inputUserId },
  deactivateUser: { scope: 'users:write', self: inputUserId },
  reactivateUser: { scope: 'users:write' },
  updateEmailPreferences: { scope: 'users:write', self: inputUserId },
  requestEmailVerification: { scope: 'users:write', self: inputUserId },
  confirmEmail: { anyone: true },
  exportUserData: { scope: 'users:privacy', self: inputUserId },
  eraseUser: {
    scope: 'users:privacy',
    self: inputUserId,
    recently: (args) => (args.input as { dryRun?: unknown }).dryRun !== true,
  },
  placeLegalHold: { scope: 'users:privacy' },
  releaseLegalHold: { scope: 'users:privacy' },
  erasure: { scope: 'users:privacy' },
};

/** True when the actor is this very person. Ids are compared in their canonical form. */
function isSelf(actor: Actor, userId: unknown): boolean {
  const own = parseUserId(actor.id);
  return own !== null && typeof userId === 'string' && parseUserId(userId) === own;
}

function signedInRecently({ authenticatedAt }: Actor): boolean {
  return authenticatedAt !== undefined && Date.now() - authenticatedAt.getTime() <= recentSignInMs;
}

/** @throws UNAUTHENTICATED or FORBIDDEN when the actor may not call this query or mutation with these arguments. */
export function checkOperation(actor: Actor | null, name: string, args: Record<string, unknown>): void {
  const rule = operations[name];
  if (rule?.anyone) return;
  if (!actor) throw unauthenticated();
  if (rule && !rule.scope) return;
  const self = rule?.self !== undefined && isSelf(actor, rule.self(args));
  if (self && rule?.recently?.(args) && !signedInRecently(actor))
    throw forbidden(`call ${name} for yourself with a sign-in older than 10 minutes`);
  if (self || (rule?.scope && hasScope(actor, rule.scope))) return;
  throw forbidden(`call ${name}${rule?.self ? ' for somebody else' : ''}`);
}

/** Whether the actor may read what is for this audience, of this user. */
export function mayRead(actor: Actor | null, userId: string, audience: Audience): boolean {
  if (audience === 'anyone') return true;
  if (!actor) return false;
  return hasScope(actor, 'users:read') || (audience === 'self' && isSelf(actor, userId));
}

/** What a field that the actor may not read answers: null, with an error for those who carry any `users:*` scope. */
export function refuseField(actor: Actor | null, field: string): null {
  if (hasAnyUsersScope(actor)) throw forbidden(`read ${field} of this user`);
  return null;
}
