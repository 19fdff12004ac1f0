import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Logger } from 'pino';
import { KeysUnavailableError } from './authentication.errors';

/**
 * Where the verifier gets its keys. A new function means new keys: nothing decided by the old ones counts.
 */
export interface KeySet {
  /** The keys to use now. Rejects with KeysUnavailableError when there are none. */
  current(): Promise<JWTVerifyGetKey>;
  /**
   * Newer keys for a token that no key of `used` fits, or null when there are none or it was asked too often.
   * Rejects with KeysUnavailableError when that cannot be found out.
   */
  newerThan(used: JWTVerifyGetKey): Promise<JWTVerifyGetKey | null>;
}

export interface RemoteKeySetOptions {
  readonly jwksUrl: URL;
  readonly log: Logger;
  /** Milliseconds since 1970; Date.now unless told. */
  readonly now?: () => number;
}

const fetchTimeoutMs = 2_000;
/** Keys older than this are fetched again, so a withdrawn key stops working within about this time. */
const freshForMs = 10 * 60_000;
/** Keys keep working this long while the AuthenticationService does not answer. */
const usableForMs = 24 * 60 * 60_000;
/**
 * Tokens with unknown keys, whoever makes them up, cause at most one fetch in this time after a burst of
 * five.
 */
const refetchIntervalMs = 10_000;
const refetchBurst = 5;
/** After a fetch that failed, the next one waits this long; requests in between do not wait at all. */
const retryAfterFailureMs = 1_000;

/**
 * Fetches the AuthenticationService's keys when first needed and keeps them up to date: every 10 minutes, and
 * when a token names a key that is not there. With keys in hand it outlives 24 hours without that service,
 * and nobody waits for it meanwhile.
 *
 * Not jose's `createRemoteJWKSet`: that one refuses every token as soon as keys are stale and their endpoint
 * is away, and asks the endpoint again for each request after a failure.
 */
export function createRemoteKeySet({ jwksUrl, log, now = Date.now }: RemoteKeySetOptions): KeySet {
  let keys: JWTVerifyGetKey | undefined;
  let published: string | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failing = false;
  let refetchesPaidUntil = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;

  function fetchOnce(): Promise<void> {
    pending ??= fetchKeys(jwksUrl)
      .then((document) => {
        const text = JSON.stringify(document);
        // The same keys stay the same function, so that fetching them again forgets no checked token.
        if (text !== published) keys = createLocalJWKSet(document);
        published = text;
        fetchedAt = now();
        if (failing) log.info('keys of the AuthenticationService are there again');
        failing = false;
      })
      .catch((error: unknown) => {
        failedAt = now();
        // Without any key nobody gets in, and a person must act; with some there is a day to heal by itself.
        const level = keys ? 'warn' : 'error';
        if (!failing)
          log[level]({ reason: describe(error) }, 'keys of the AuthenticationService cannot be fetched');
        failing = true;
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  }

  const mayFetch = () => pending !== undefined || now() - failedAt >= retryAfterFailureMs;

  function mayRefetch(): boolean {
    const at = now();
    if (refetchesPaidUntil - at > (refetchBurst - 1) * refetchIntervalMs) return false;
    refetchesPaidUntil = Math.max(refetchesPaidUntil, at) + refetchIntervalMs;
    return true;
  }

  return {
    async current() {
      const age = now() - fetchedAt;
      if (age >= freshForMs && mayFetch()) {
        const fetching = fetchOnce();
        // Old keys are used without waiting only while fetching fails: after a quiet hour the first request
        // must not be checked against keys that were withdrawn meanwhile.
        if (age >= usableForMs || !failing) await fetching;
      }
      if (!keys || now() - fetchedAt >= usableForMs) throw unavailable();
      return keys;
    },
    async newerThan(used) {
      // Another request may have brought them while this one was being checked.
      if (keys && keys !== used) return keys;
      if (!pending && !failing && !mayRefetch()) return null;
      if (mayFetch()) await fetchOnce();
      if (failing || !keys) throw unavailable();
      return keys === used ? null : keys;
    },
  };
}

/** Keys that never change, for the development issuer and tests. */
export function createFixedKeySet(document: JSONWebKeySet): KeySet {
  const keys = createLocalJWKSet(document);
  return { current: async () => keys, newerThan: async () => null };
}

async function fetchKeys(url: URL): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(fetchTimeoutMs),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`answered ${response.status}`);
  }
  const document = (await response.json()) as JSONWebKeySet;
  // An empty set is an AuthenticationService that is not ready, not one that withdrew every key.
  if (!Array.isArray(document?.keys) || document.keys.length === 0) throw new Error('answered no keys');
  return document;
}

function unavailable(): KeysUnavailableError {
  return new KeysUnavailableError('The keys to check access tokens with are not available. Try again soon.');
}

function describe(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : (message ?? 'unknown');
}
