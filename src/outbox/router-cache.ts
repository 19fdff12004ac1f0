import type { Logger } from '../telemetry/logger';

const timeoutMs = 2_000;
const warningIntervalMs = 60_000;

export interface RouterCacheOptions {
  /** The endpoint `response_cache.invalidation` of Apollo Router. */
  readonly url: string;
  /** The shared key of this subgraph. */
  readonly key: string;
  /** Returns the tag of what the router cached of a user. */
  readonly tagOf: (userId: string) => string;
  readonly log: Logger;
}

/** The response cache of the router. */
export class RouterCache {
  private warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: RouterCacheOptions) {}

  /**
   * Removes the users from the cache. Resolves within two seconds and never rejects: what cannot be removed expires
   * within a minute, and one warning a minute is logged.
   */
  async invalidate(userIds: readonly string[]): Promise<void> {
    const { url, key, tagOf, log } = this.options;
    const requests = [...new Set(userIds)].map((id) => ({
      kind: 'cache_tag',
      subgraphs: ['users'],
      cache_tag: tagOf(id),
    }));
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: key },
        body: JSON.stringify(requests),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`status ${response.status}`);
    } catch (err) {
      const nowMs = performance.now();
      if (nowMs - this.warnedAtMs < warningIntervalMs) return;
      this.warnedAtMs = nowMs;
      log.warn({ err, users: requests.length }, 'could not invalidate the cache of the router');
    }
  }
}
