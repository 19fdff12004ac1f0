/** The caller that a verified access token identifies. A request without a token has no actor: `null`. */
export interface Actor {
  /** The token's `sub`: for a person, their user id. */
  readonly id: string;
  readonly scopes: ReadonlySet<string>;
  /** When the person last signed in (`auth_time`), if the token says so. */
  readonly authenticatedAt?: Date;
  /** The address that the AuthenticationService has verified (`email` with `email_verified`), if the token has one. */
  readonly verifiedEmail?: string;
}

/** The ids of actors that are part of this service. No token may have one of them as its `sub`. */
export const ownActorIds = {
  operator: 'command-line',
  retention: 'retention',
  seed: 'seed',
  unsubscribeLink: 'unsubscribe-link',
} as const;

/** The scopes that this service checks; it ignores any others in a token. */
export type Scope = 'users:read' | 'users:write' | 'users:privacy' | 'users:audit';

/** Returns whether the actor has the scope; `users:write` includes `users:read`. A null actor has none. */
export function hasScope(actor: Actor | null, scope: Scope): boolean {
  if (!actor) return false;
  return actor.scopes.has(scope) || (scope === 'users:read' && actor.scopes.has('users:write'));
}

/** Returns whether the actor's token has any `users:*` scope, including ones that this service does not check. */
export function hasAnyUsersScope(actor: Actor | null): boolean {
  if (!actor) return false;
  for (const scope of actor.scopes) if (scope.startsWith('users:')) return true;
  return false;
}
