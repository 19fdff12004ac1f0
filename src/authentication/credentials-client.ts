import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Tracing } from '../telemetry/tracing';
import { readRefusalReason } from './refusal-reason';

/** What the AuthenticationService did with a user's credentials. `unavailable` is *unknown*: ask again. */
export type CredentialsOutcome =
  | { readonly outcome: 'accepted' }
  /** `reason` is fit for the person who chose the password; it does not belong in a log. */
  | { readonly outcome: 'refused'; readonly reason: string }
  | { readonly outcome: 'unavailable' };

export interface Credentials {
  readonly userId: string;
  readonly email: string;
  readonly password: string;
}

export interface CredentialsClient {
  /**
   * Puts a user's credentials into the AuthenticationService; putting the same again changes nothing. Answers
   * within 3.5 seconds and never rejects. The password goes into the request and nowhere else.
   *
   * @param traceparent W3C trace context of what this is done for
   */
  put(credentials: Credentials, traceparent?: string | null): Promise<CredentialsOutcome>;
}

export interface CredentialsClientOptions {
  /** AUTHENTICATION_SERVICE_URL; a path, a query and a user with a password (as Basic) are kept. */
  readonly baseUrl: URL;
  readonly log: Logger;
  /** Makes a span for each call of `put`; none without it. */
  readonly tracing?: Tracing | null;
  /** For one try, 2,000 unless told. */
  readonly tryTimeoutMs?: number;
  /** For all tries together, 3,500 unless told: under the request's own 4 seconds. */
  readonly totalTimeoutMs?: number;
}

const maxTries = 3;
const firstBackoffMs = 100;

type Try =
  | CredentialsOutcome
  | { readonly outcome: 'retry'; readonly failure: string; readonly waitMs?: number }
  | { readonly outcome: 'misconfigured'; readonly failure: string };

/** Makes the client of the AuthenticationService's credential API (`PUT /credentials/{userId}`). */
export function createCredentialsClient(options: CredentialsClientOptions): CredentialsClient {
  const { baseUrl, log, tracing, tryTimeoutMs = 2_000, totalTimeoutMs = 3_500 } = options;
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json',
    ...basicAuthorization(baseUrl),
  };
  let misconfigurationTold = false;

  function urlFor(userId: string): URL {
    const url = new URL(baseUrl);
    url.username = '';
    url.password = '';
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/credentials/${encodeURIComponent(userId)}`;
    return url;
  }

  async function tryOnce(
    { userId, email, password }: Credentials,
    traceparent: string | null,
    timeoutMs: number,
  ): Promise<Try> {
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
      // Nothing else of the answer is read; leaving it would keep the connection busy.
      response.body?.cancel().catch(() => undefined);
      return judge(response);
    } catch (error) {
      return { outcome: 'retry', failure: networkFailure(error) };
    }
  }

  async function tryRepeatedly(
    credentials: Credentials,
    traceparent: string | null,
  ): Promise<CredentialsOutcome> {
    const endsAt = performance.now() + totalTimeoutMs;
    const { userId } = credentials;
    let failure = 'timeout';
    let tries = 0;
    while (tries < maxTries) {
      const remainingMs = endsAt - performance.now();
      if (remainingMs < 1) break;
      tries += 1;
      const result = await tryOnce(credentials, traceparent, Math.min(tryTimeoutMs, Math.ceil(remainingMs)));
      if (result.outcome === 'misconfigured') {
        if (!misconfigurationTold) {
          log.error(
            { failure: result.failure },
            'the AuthenticationService does not take credentials from this service',
          );
        }
        misconfigurationTold = true;
        return { outcome: 'unavailable' };
      }
      if (result.outcome !== 'retry') {
        misconfigurationTold = false;
        return result;
      }
      failure = result.failure;
      if (tries === maxTries) break;
      // Half fixed, half random: many callers that failed together do not come back together.
      const backoffMs = firstBackoffMs * 2 ** tries * (0.5 + Math.random() / 2);
      const waitMs = Math.max(backoffMs, result.waitMs ?? 0);
      if (performance.now() + waitMs >= endsAt) break;
      await delay(waitMs);
    }
    log.warn({ userId, tries, failure }, 'the AuthenticationService is not available');
    return { outcome: 'unavailable' };
  }

  return {
    async put(credentials, traceparent = null) {
      const span = tracing?.startSpan({
        name: 'PUT /credentials/{userId}',
        kind: 'client',
        parent: traceparent,
      });
      const answer = await tryRepeatedly(credentials, span?.traceparent ?? traceparent);
      const { outcome } = answer;
      span?.end({ failed: outcome === 'unavailable', attributes: { outcome } });
      return answer;
    },
  };
}

function judge(response: Response): Try {
  const { status } = response;
  if (status >= 200 && status < 300) return { outcome: 'accepted' };
  const failure = `answered ${status}`;
  if (status >= 500 || status === 408 || status === 429) {
    const waitMs = Number(response.headers.get('retry-after') ?? 0) * 1_000;
    return { outcome: 'retry', failure, ...(Number.isFinite(waitMs) && { waitMs }) };
  }
  // Redirects too: following one would hand the password to whoever it names.
  return { outcome: 'misconfigured', failure };
}

/** A short word for the log. The error itself, its message and causes may quote the request. */
function networkFailure(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } };
  if (name === 'TimeoutError') return 'timeout';
  return typeof cause?.code === 'string' ? cause.code : (name ?? 'unknown');
}

/** fetch refuses URLs with a user in them. */
function basicAuthorization({ username, password }: URL): { authorization?: string } {
  if (!username && !password) return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}
