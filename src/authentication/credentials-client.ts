import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Tracing } from '../telemetry/tracing';
import { readRefusalReason } from './refusal-reason';

/** The result of storing a user's credentials. `unavailable`: it is unknown whether they were stored; retry. */
export type CredentialsOutcome =
  | { readonly outcome: 'accepted' }
  /** `reason` may be shown to the person who chose the password; do not log it. */
  | { readonly outcome: 'refused'; readonly reason: string }
  | { readonly outcome: 'unavailable' };

export interface Credentials {
  readonly userId: string;
  readonly email: string;
  readonly password: string;
}

export interface CredentialsClient {
  /**
   * Stores a user's credentials in the AuthenticationService; storing the same credentials again changes nothing.
   * Resolves within 3.5 seconds and never rejects. The password is only sent, never logged or kept.
   *
   * @param traceparent W3C trace context of the calling operation
   */
  put(credentials: Credentials, traceparent?: string | null): Promise<CredentialsOutcome>;
}

export interface CredentialsClientOptions {
  /** AUTHENTICATION_SERVICE_URL. Its path and query are kept; user and password are sent as Basic authentication. */
  readonly baseUrl: URL;
  readonly log: Logger;
  /** Records a span for each call of `put`. */
  readonly tracing?: Tracing | null;
  /** Timeout of one attempt; defaults to 2,000. */
  readonly attemptTimeoutMs?: number;
  /** Timeout of all attempts together; defaults to 3,500, below the 4 seconds of a request. */
  readonly totalTimeoutMs?: number;
}

const maxAttempts = 3;
/**
 * Longest pause before the second attempt; twice that before the third. Pauses are random, 50–100% of it, or longer for
 * `Retry-After`.
 */
const backoffBaseMs = 200;

type AttemptResult =
  | CredentialsOutcome
  | { readonly outcome: 'retry'; readonly failure: string; readonly waitMs?: number }
  | { readonly outcome: 'misconfigured'; readonly failure: string };

/** Makes the client of the AuthenticationService's credential API (`PUT /credentials/{userId}`). */
export function createCredentialsClient(options: CredentialsClientOptions): CredentialsClient {
  const { baseUrl, log, tracing, attemptTimeoutMs = 2_000, totalTimeoutMs = 3_500 } = options;
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...basicAuthorization(baseUrl),
  };
  let misconfigurationLogged = false;

  function urlFor(userId: string): URL {
    const url = new URL(baseUrl);
    url.username = '';
    url.password = '';
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/credentials/${encodeURIComponent(userId)}`;
    return url;
  }

  async function attempt(
    { userId, email, password }: Credentials,
    traceparent: string | null,
    timeoutMs: number,
  ): Promise<AttemptResult> {
    try {
      const response = await fetch(urlFor(userId), {
        method: 'PUT',
        headers: traceparent === null ? headers : { ...headers, traceparent },
        body: JSON.stringify({ email, password }),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.status === 422)
        return { outcome: 'refused', reason: await readRefusalReason(response, password) };
      // An unread body would keep the connection busy.
      response.body?.cancel().catch(() => undefined);
      return resultOf(response);
    } catch (error) {
      return { outcome: 'retry', failure: networkFailure(error) };
    }
  }

  async function attemptRepeatedly(
    credentials: Credentials,
    traceparent: string | null,
  ): Promise<CredentialsOutcome> {
    const endsAt = performance.now() + totalTimeoutMs;
    const { userId } = credentials;
    let failure = 'timeout';
    let attempts = 0;
    while (attempts < maxAttempts) {
      const remainingMs = endsAt - performance.now();
      if (remainingMs < 1) break;
      attempts += 1;
      const timeoutMs = Math.min(attemptTimeoutMs, Math.ceil(remainingMs));
      const result = await attempt(credentials, traceparent, timeoutMs);
      if (result.outcome === 'misconfigured') {
        if (!misconfigurationLogged) {
          log.error(
            { failure: result.failure },
            'the AuthenticationService rejected the request; check AUTHENTICATION_SERVICE_URL',
          );
        }
        misconfigurationLogged = true;
        return { outcome: 'unavailable' };
      }
      if (result.outcome !== 'retry') {
        misconfigurationLogged = false;
        return result;
      }
      failure = result.failure;
      if (attempts === maxAttempts) break;
      // Half random, so that callers that failed together do not retry together.
      const backoffMs = backoffBaseMs * 2 ** (attempts - 1) * (0.5 + Math.random() / 2);
      const waitMs = Math.max(backoffMs, result.waitMs ?? 0);
      if (performance.now() + waitMs >= endsAt) break;
      await delay(waitMs);
    }
    log.warn({ userId, attempts, failure }, 'credentials could not be stored in the AuthenticationService');
    return { outcome: 'unavailable' };
  }

  return {
    async put(credentials, traceparent = null) {
      const span = tracing?.startSpan({
        name: 'PUT /credentials/{userId}',
        kind: 'client',
        parent: traceparent,
      });
      const result = await attemptRepeatedly(credentials, span?.traceparent ?? traceparent);
      const { outcome } = result;
      span?.end({ failed: outcome === 'unavailable', attributes: { outcome } });
      return result;
    },
  };
}

function resultOf(response: Response): AttemptResult {
  const { status } = response;
  if (status >= 200 && status < 300) return { outcome: 'accepted' };
  const failure = `status ${status}`;
  if (status >= 500 || status === 408 || status === 429) {
    const waitMs = Number(response.headers.get('retry-after') ?? 0) * 1_000;
    return { outcome: 'retry', failure, ...(Number.isFinite(waitMs) && { waitMs }) };
  }
  // Includes redirects: following one could send the password to another host.
  return { outcome: 'misconfigured', failure };
}

/** Returns an error code or name for the log; messages and causes may quote the request. */
function networkFailure(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } };
  if (name === 'TimeoutError') return 'timeout';
  return typeof cause?.code === 'string' ? cause.code : (name ?? 'unknown');
}

/** Returns the URL's user and password as a header, because fetch rejects a URL that contains them. */
function basicAuthorization({ username, password }: URL): { authorization?: string } {
  if (!username && !password) return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}
