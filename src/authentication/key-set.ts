import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Logger } from 'pino';
import { KeysUnavailableError } from './authentication.errors';

/**
 * Supplies the verifier's keys. A new function means new keys: the caller discards tokens that it verified with the old
 * ones.
 */
export interface KeySet {
  /** Returns the keys to use now. Rejects with KeysUnavailableError if there are no usable keys. */
  current(): Promise<JWTVerifyGetKey>;
  /**
   * Returns newer keys for a token that no key of `used` matches; null if there are none or it is called too often.
   * Rejects with KeysUnavailableError if the keys cannot be fetched.
   */
  newerThan(used: JWTVerifyGetKey): Promise<JWTVerifyGetKey | null>;
  /**
   * Returns `degraded` if there are no usable keys (also if they are older than 24 hours) and the last fetch failed.
   * Without usable keys it starts a fetch and does not wait, so a replica without requests recovers too.
   */
  status(): 'ready' | 'degraded';
}

export interface RemoteKeySetOptions {
  readonly jwksUrl: URL;
  readonly log: Logger;
  /** Milliseconds since 1970; defaults to `Date.now`. */
  readonly now?: () => number;
}

const fetchTimeoutMs = 2_000;
/** Keys older than this are fetched again, so a withdrawn key is rejected after about this time. */
const freshForMs = 10 * 60_000;
/** Keys stay usable this long while the AuthenticationService is unavailable. */
const usableForMs = 24 * 60 * 60_000;
/** Rate limit of fetches for tokens with unknown keys: a burst of five, then one per interval. */
const refetchIntervalMs = 10_000;
const refetchBurst = 5;
/** Pause between a failed fetch and the next one; requests during the pause do not wait. */
const retryAfterFailureMs = 1_000;

/**
 * Returns a key set that fetches the AuthenticationService's keys on first use, again when they are 10 minutes old,
 * and when a token names an unknown key. Fetched keys stay usable for 24 hours of an outage; after the first failed
 * fetch, requests that use them do not wait.
 *
 * Not jose's `createRemoteJWKSet`: it rejects every token when its keys are stale and the endpoint is unavailable,
 * and after a failure it fetches again for each request.
 */
export function createRemoteKeySet({ jwksUrl, log, now = Date.now }: RemoteKeySetOptions): KeySet {
  let keys: JWTVerifyGetKey | undefined;
  let published: string | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failing = false;
  let loggedLevel: 'warn' | 'error' | undefined;
  /** The theoretical arrival time of the generic cell rate algorithm, which limits the fetches for unknown keys. */
  let refetchBudgetSpentUntil = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;

  function fetchOnce(): Promise<void> {
    pending ??= fetchKeys(jwksUrl)
      .then((document) => {
        const text = JSON.stringify(document);
        // Unchanged keys keep the same function, so that cached tokens stay valid.
        if (text !== published) keys = createLocalJWKSet(document);
        published = text;
        fetchedAt = now();
        if (failing) log.info('the keys of the AuthenticationService were fetched again');
        failing = false;
      })
      .catch((error: unknown) => {
        failedAt = now();
        // Without keys no token can be verified, which is an error. With keys, tokens are verified for 24 hours.
        const level = areUsable() ? 'warn' : 'error';
        if (!failing || level !== loggedLevel)
          log[level](
            { reason: describe(error, jwksUrl) },
            'the keys of the AuthenticationService could not be fetched',
          );
        failing = true;
        loggedLevel = level;
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  }

  const mayFetch = () => pending !== undefined || now() - failedAt >= retryAfterFailureMs;

  function mayRefetch(): boolean {
    const at = now();
    if (refetchBudgetSpentUntil - at > (refetchBurst - 1) * refetchIntervalMs) return false;
    refetchBudgetSpentUntil = Math.max(refetchBudgetSpentUntil, at) + refetchIntervalMs;
    return true;
  }

  const areUsable = () => keys !== undefined && now() - fetchedAt < usableForMs;

  return {
    status() {
      if (areUsable()) return 'ready';
      if (mayFetch()) void fetchOnce();
      return failing ? 'degraded' : 'ready';
    },
    async current() {
      const age = now() - fetchedAt;
      if (age >= freshForMs && mayFetch()) {
        const fetching = fetchOnce();
        // Stale keys are used without waiting only while fetches fail: otherwise the first request after a quiet
        // hour could be verified with a withdrawn key.
        if (age >= usableForMs || !failing) await fetching;
      }
      if (!keys || !areUsable()) throw unavailable();
      return keys;
    },
    async newerThan(used) {
      // A concurrent request may have fetched them.
      if (keys && keys !== used) return keys;
      // A fetch that runs already, or a retry after a failure, needs no budget.
      if (!pending && !failing && !mayRefetch()) return null;
      if (mayFetch()) await fetchOnce();
      if (failing || !keys) throw unavailable();
      return keys === used ? null : keys;
    },
  };
}

/** Returns a key set that never changes, for the development issuer. */
export function createFixedKeySet(document: JSONWebKeySet): KeySet {
  const keys = createLocalJWKSet(document);
  return { current: async () => keys, newerThan: async () => null, status: () => 'ready' };
}

async function fetchKeys(url: URL): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(fetchTimeoutMs),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`);
  }
  const document = (await response.json()) as JSONWebKeySet;
  // An empty set means that the AuthenticationService is not ready, not that it withdrew every key.
  if (!Array.isArray(document?.keys) || document.keys.length === 0)
    throw new Error('no keys in the response');
  return document;
}

function unavailable(): KeysUnavailableError {
  return new KeysUnavailableError('The keys to verify access tokens are unavailable. Try again later.');
}

/** Returns why the keys could not be fetched, without the URL, which may contain credentials. */
function describe(error: unknown, url: URL): string {
  const { message, cause } = error as { message?: string; cause?: { code?: unknown; message?: string } };
  if (typeof cause?.code === 'string') return cause.code;
  // `fetch` says "fetch failed", and only the cause says why, such as "bad port".
  return (cause?.message ?? message ?? 'unknown').replaceAll(url.href, 'AUTH_JWKS_URL');
}
