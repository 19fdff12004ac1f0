/** A bearer token is there and not valid. The message names the failed check and never the token. */
export class UnauthenticatedError extends Error {
  override readonly name = 'UnauthenticatedError';
  readonly code = 'UNAUTHENTICATED';
}

/** The keys to check a token with cannot be had now: the fault is ours, and the same token may pass later. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
  readonly code = 'SERVICE_UNAVAILABLE';
}
