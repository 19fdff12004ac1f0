/** A bearer token is present and not valid. The message names the failed check and never quotes the token. */
export class UnauthenticatedError extends Error {
  override readonly name = 'UnauthenticatedError';
  readonly code = 'UNAUTHENTICATED';
}

/** The keys to verify a token are unavailable, which is not the caller's fault. The token may be accepted later. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
  readonly code = 'SERVICE_UNAVAILABLE';
}
