import { hash } from 'node:crypto';
import {
  errors,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { type Actor, ownActorIds } from './actor';
import { KeysUnavailableError, UnauthenticatedError } from './authentication.errors';
import { createFixedKeySet, createRemoteKeySet } from './key-set';

export interface TokenVerifierOptions {
  /** The AuthenticationService's JWKS, or the public key of the development issuer. */
  readonly keys: { readonly jwksUrl: URL } | { readonly developmentKey: JWK };
  readonly issuer: string;
  readonly audience: string;
  /** Tolerated clock difference to the issuer, in seconds; defaults to 5. */
  readonly clockToleranceSeconds?: number;
  readonly log: Logger;
  /** Milliseconds since 1970; defaults to `Date.now`. */
  readonly now?: () => number;
}

export interface TokenVerifier {
  /**
   * Returns the actor of a request's `Authorization` header, or null if there is no such header. Rejects with
   * UnauthenticatedError if the header is not valid, and with KeysUnavailableError if it cannot be verified now.
   */
  verify(authorizationHeader: string | undefined): Promise<Actor | null>;
  /** Returns `degraded` while no key could be fetched: tokens cannot be verified then. */
  status(): 'ready' | 'degraded';
}

/** Asymmetric only: with a symmetric algorithm, the public key could be used to sign. */
const acceptedAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Other types, such as ID tokens and requests to sign out, are signed with the same keys. */
const acceptedTypes = /^(?:application\/)?(?:at\+)?jwt$/i;
const reservedSubjects: ReadonlySet<string> = new Set(Object.values(ownActorIds));
const maxCachedTokens = 5_000;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface Verified {
  readonly actor: Actor;
  readonly expiresAtMs: number;
  readonly by: JWTVerifyGetKey;
}

/**
 * Returns a verifier of access tokens. It requires `iss`, `aud`, `exp`, `sub` and a signature with an asymmetric
 * algorithm, and checks `nbf` and `typ` if present. It rejects tokens that are bound to a key (`cnf`), whose possession
 * it cannot check. Verified tokens are cached by digest until they expire or the keys change:
 * verifying a signature costs about 100 µs of CPU, as much as the rest of a small request.
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { issuer, audience, clockToleranceSeconds = 5, log, now = Date.now } = options;
  const keySet =
    'jwksUrl' in options.keys
      ? createRemoteKeySet({ jwksUrl: options.keys.jwksUrl, log, now })
      : createFixedKeySet({ keys: [options.keys.developmentKey] });
  const cachedTokens = new LRUCache<string, Verified>({ max: maxCachedTokens });

  async function check(token: string, keys: JWTVerifyGetKey): Promise<JWTVerifyResult> {
    const checks = {
      issuer,
      audience,
      algorithms: acceptedAlgorithms,
      requiredClaims: ['exp', 'sub', 'iss', 'aud'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now()),
    };
    try {
      return await jwtVerify(token, keys, checks);
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // The token has no `kid` and several keys are published: tries each of them.
      for await (const key of error) {
        try {
          return await jwtVerify(token, key, checks);
        } catch (other) {
          if (!(other instanceof errors.JWSSignatureVerificationFailed)) throw other;
        }
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }

  async function checkWithNewerKeys(token: string, used: JWTVerifyGetKey, first: unknown): Promise<Verified> {
    if (!mayBeUnknownKey(first, token)) throw first;
    const newer = await keySet.newerThan(used);
    if (!newer) throw first;
    return toVerified(await check(token, newer), newer);
  }

  function toVerified({ payload: claims, protectedHeader }: JWTVerifyResult, by: JWTVerifyGetKey): Verified {
    checkIsPlainAccessToken(claims, protectedHeader.typ);
    const latestMs = now() + clockToleranceSeconds * 1_000;
    return { actor: toActor(claims, latestMs), expiresAtMs: (claims.exp as number) * 1_000, by };
  }

  return {
    status: () => keySet.status(),
    async verify(authorizationHeader) {
      if (authorizationHeader === undefined) return null;
      const token = /^Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+) *$/i.exec(
        authorizationHeader,
      )?.[1];
      if (!token)
        throw new UnauthenticatedError('The Authorization header is not a Bearer token in JWT form.');

      const keys = await keySet.current();
      const digest = hash('sha256', token, 'base64');
      const cached = cachedTokens.get(digest);
      if (cached?.by === keys && cached.expiresAtMs > now()) return cached.actor;
      try {
        const verified = await check(token, keys).then(
          (result) => toVerified(result, keys),
          (error: unknown) => checkWithNewerKeys(token, keys, error),
        );
        cachedTokens.set(digest, verified);
        return verified.actor;
      } catch (error) {
        cachedTokens.delete(digest);
        throw toExpected(error, log);
      }
    },
  };
}

function mayBeUnknownKey(error: unknown, token: string): boolean {
  if (error instanceof errors.JWKSNoMatchingKey) return true;
  if (!(error instanceof errors.JWSSignatureVerificationFailed)) return false;
  const header = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString());
  return header.kid === undefined;
}

/** @throws UnauthenticatedError for a token of another type, and for one bound to a key */
function checkIsPlainAccessToken({ cnf }: JWTPayload, type: unknown): void {
  if (type !== undefined && (typeof type !== 'string' || !acceptedTypes.test(type)))
    throw new UnauthenticatedError('The "typ" header of the access token is not accepted.');
  if (cnf !== undefined)
    throw new UnauthenticatedError('The access token is bound to a key ("cnf"), which is not supported.');
}

function toActor(claims: JWTPayload, latestMs: number): Actor {
  const { sub, scope = '', auth_time: authTime, email, email_verified: isVerified } = claims;
  // No spaces, control characters or halves of characters: the id is written to log lines and audit rows.
  if (typeof sub !== 'string' || !/^[^\x20\p{Cc}\p{Cs}]{1,255}$/u.test(sub) || reservedSubjects.has(sub)) {
    throw new UnauthenticatedError('The access token has no usable "sub" claim.');
  }
  if (typeof scope !== 'string') {
    throw new UnauthenticatedError('The "scope" claim of the access token is not a space-separated string.');
  }
  if (authTime !== undefined && (typeof authTime !== 'number' || !(authTime * 1_000 <= latestMs))) {
    throw new UnauthenticatedError('The "auth_time" claim of the access token is not a time in the past.');
  }
  return {
    // User ids are stored in lower case.
    id: uuidPattern.test(sub) ? sub.toLowerCase() : sub,
    scopes: new Set(scope.split(' ').filter(Boolean)),
    ...(authTime !== undefined && { authenticatedAt: new Date(authTime * 1_000) }),
    ...(typeof email === 'string' && isVerified === true && { verifiedEmail: email }),
  };
}

/** Messages are not taken from jose, so that they cannot contain parts of a token. */
function toExpected(error: unknown, log: Logger): Error {
  if (error instanceof UnauthenticatedError || error instanceof KeysUnavailableError) return error;
  if (error instanceof errors.JWTExpired) return new UnauthenticatedError('The access token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    const problem = error.reason === 'missing' ? 'is missing' : 'is not accepted';
    return new UnauthenticatedError(`The "${error.claim}" claim of the access token ${problem}.`);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return new UnauthenticatedError('The access token is not signed with an accepted asymmetric algorithm.');
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new UnauthenticatedError('The access token is signed with an unknown key.');
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new UnauthenticatedError('The signature of the access token is not valid.');
  }
  if (error instanceof errors.JOSEError && !isKeyFault(error)) {
    return new UnauthenticatedError('The access token is malformed.');
  }
  // Any other error comes from importing the published key, not from the token.
  log.error({ reason: error instanceof Error ? error.name : 'unknown' }, 'a published key cannot be used');
  return new KeysUnavailableError('The key that signed this access token cannot be used.');
}

function isKeyFault(error: errors.JOSEError): boolean {
  return error instanceof errors.JWKSInvalid || error instanceof errors.JWKInvalid;
}
