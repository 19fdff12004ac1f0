/** Who asks, as a verified access token says it. A request without a token has no actor: `null`. */
export interface Actor {
  /** The token's `sub`: for a person, their user id. */
  readonly id: string;
  readonly scopes: ReadonlySet<string>;
  /** When the person last proved who they are (`auth_time`), where the token tells. */
  readonly authenticatedAt?: Date;
}

/** The scopes this service knows. A token may carry others; they mean nothing here. */
export type Scope = 'users:read' | 'users:write' | 'users:privacy' | 'users:audit';

/** Tells whether the actor holds the scope; `users:write` includes `users:read`. Nobody (null) holds none. */
export function hasScope(actor: Actor | null, scope: Scope): boolean {
  if (!actor) return false;
  return actor.scopes.has(scope) || (scope === 'users:read' && actor.scopes.has('users:write'));
}

/** Tells whether the actor's token carries any `users:*` scope, known here or not. */
export function hasAnyUsersScope(actor: Actor | null): boolean {
  if (!actor) return false;
  for (const scope of actor.scopes) if (scope.startsWith('users:')) return true;
  return false;
}
