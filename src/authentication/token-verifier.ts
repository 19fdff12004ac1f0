import { hash } from 'node:crypto';
import { errors, type JWK, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Actor } from './actor';
import { KeysUnavailableError, UnauthenticatedError } from './authentication.errors';
import { createFixedKeySet, createRemoteKeySet } from './key-set';

export interface TokenVerifierOptions {
  /**
   * Where keys come from: the AuthenticationService's JWKS, or the one public key of the development issuer.
   */
  readonly keys: { readonly jwksUrl: URL } | { readonly developmentKey: JWK };
  readonly issuer: string;
  readonly audience: string;
  /** How far the issuer's clock may be off, in seconds; 5 unless told. */
  readonly clockToleranceSeconds?: number;
  readonly log: Logger;
  /** Milliseconds since 1970; Date.now unless told. */
  readonly now?: () => number;
}

export interface TokenVerifier {
  /**
   * Answers who a request's `Authorization` header proves to be, or null when there is no such header.
   * Rejects with UnauthenticatedError when the header is there and not valid, with KeysUnavailableError when
   * no key can be had to check it with.
   */
  verify(authorizationHeader: string | undefined): Promise<Actor | null>;
}

/** Asymmetric only: with a symmetric one, whoever reads the public key could sign. */
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
const rememberedTokens = 5_000;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface Verified {
  readonly actor: Actor;
  readonly expiresAtMs: number;
  readonly by: JWTVerifyGetKey;
}

/**
 * Makes the verifier of access tokens: signature, `iss`, `aud`, `exp`, `nbf`, `sub` and an asymmetric
 * algorithm, each required. A token that passed is remembered by its digest until it expires or the keys
 * change, because checking a signature costs about 100 µs of CPU, as much as the rest of a small request.
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { issuer, audience, clockToleranceSeconds = 5, log, now = Date.now } = options;
  const keySet =
    'jwksUrl' in options.keys
      ? createRemoteKeySet({ jwksUrl: options.keys.jwksUrl, log, now })
      : createFixedKeySet({ keys: [options.keys.developmentKey] });
  const remembered = new LRUCache<string, Verified>({ max: rememberedTokens });

  async function check(token: string, keys: JWTVerifyGetKey): Promise<JWTPayload> {
    const checks = {
      issuer,
      audience,
      algorithms: acceptedAlgorithms,
      requiredClaims: ['exp', 'sub', 'iss', 'aud'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now()),
    };
    try {
      return (await jwtVerify(token, keys, checks)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // A token without `kid` while two keys are published: one of them fits, or none.
      for await (const key of error) {
        try {
          return (await jwtVerify(token, key, checks)).payload;
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

  function toVerified(claims: JWTPayload, by: JWTVerifyGetKey): Verified {
    const latestMs = now() + clockToleranceSeconds * 1_000;
    return { actor: toActor(claims, latestMs), expiresAtMs: (claims.exp as number) * 1_000, by };
  }

  return {
    async verify(authorizationHeader) {
      if (authorizationHeader === undefined) return null;
      const token = /^Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+) *$/i.exec(
        authorizationHeader,
      )?.[1];
      if (!token)
        throw new UnauthenticatedError('The Authorization header is not a Bearer token in JWT form.');

      const keys = await keySet.current();
      const digest = hash('sha256', token, 'base64');
      const known = remembered.get(digest);
      if (known?.by === keys && known.expiresAtMs > now()) return known.actor;
      try {
        const verified = await check(token, keys).then(
          (claims) => toVerified(claims, keys),
          (error: unknown) => checkWithNewerKeys(token, keys, error),
        );
        remembered.set(digest, verified);
        return verified.actor;
      } catch (error) {
        remembered.delete(digest);
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

function toActor(claims: JWTPayload, latestMs: number): Actor {
  const { sub, scope = '', auth_time: authTime } = claims;
  // No spaces and no control characters: an id goes into log lines and audit rows
  if (typeof sub !== 'string' || !/^[^\x00-\x20\x7f]{1,255}$/.test(sub)) {
    throw new UnauthenticatedError('The access token has no usable "sub" claim.');
  }
  if (typeof scope !== 'string') {
    throw new UnauthenticatedError('The "scope" claim of the access token is not a space-separated string.');
  }
  if (authTime !== undefined && (typeof authTime !== 'number' || !(authTime * 1_000 <= latestMs))) {
    throw new UnauthenticatedError('The "auth_time" claim of the access token is not a time in the past.');
  }
  return {
    // User ids are kept in lower case; a uuidPattern means the same in both.
    id: uuidPattern.test(sub) ? sub.toLowerCase() : sub,
    scopes: new Set(scope.split(' ').filter(Boolean)),
    ...(authTime !== undefined && { authenticatedAt: new Date(authTime * 1_000) }),
  };
}

/** The message is written here, not taken from jose, so that nothing of a token can get into it. */
function toExpected(error: unknown, log: Logger): Error {
  if (error instanceof UnauthenticatedError || error instanceof KeysUnavailableError) return error;
  if (error instanceof errors.JWTExpired) return new UnauthenticatedError('The access token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    const problem = error.reason === 'missing' ? 'is missing' : 'is not accepted here';
    return new UnauthenticatedError(`The "${error.claim}" claim of the access token ${problem}.`);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return new UnauthenticatedError('The access token is not signed with an accepted asymmetric algorithm.');
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new UnauthenticatedError('The access token is signed with a key that is not known.');
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new UnauthenticatedError('The signature of the access token is not valid.');
  }
  if (error instanceof errors.JOSEError && !isKeyFault(error)) {
    return new UnauthenticatedError('The access token is malformed.');
  }
  // What jose does not name comes from importing the published key, not from the token.
  log.error({ reason: error instanceof Error ? error.name : 'unknown' }, 'a published key cannot be used');
  return new KeysUnavailableError('The key to check this access token with cannot be used.');
}

function isKeyFault(error: errors.JOSEError): boolean {
  return error instanceof errors.JWKSInvalid || error instanceof errors.JWKInvalid;
}
