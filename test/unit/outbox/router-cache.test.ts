import { RouterCache } from '../../../src/outbox/router-cache';
import { createLogger } from '../../../src/telemetry/logger';

/** A cache whose router responds with these statuses, then with 200. */
function buildCache(...statuses: number[]) {
  const requests: unknown[] = [];
  const logged: string[] = [];
  jest.spyOn(globalThis, 'fetch').mockImplementation(async (_url, init) => {
    requests.push(JSON.parse(init?.body as string));
    return new Response(null, { status: statuses.shift() ?? 200 });
  });
  const cache = new RouterCache({
    url: 'http://router.invalid/invalidation',
    key: 'shared',
    tagOf: (id) => `user-${id}`,
    log: createLogger({ level: 'info', destination: { write: (line: string) => void logged.push(line) } }),
  });
  return { cache, requests, warnings: () => logged.map((line) => JSON.parse(line)) };
}

describe('RouterCache', () => {
  afterEach(() => jest.restoreAllMocks());

  it('removes each user of a call once', async () => {
    const { cache, requests, warnings } = buildCache();
    await cache.invalidate(['a', 'b', 'a']);
    expect(requests).toEqual([
      ['a', 'b'].map((id) => ({ kind: 'cache_tag', subgraphs: ['users'], cache_tag: `user-${id}` })),
    ]);
    expect(warnings()).toEqual([]);
  });

  it('logs one warning a minute, with the number of users', async () => {
    const { cache, warnings } = buildCache(401, 500, 502, 503);
    const clock = jest.spyOn(performance, 'now');
    for (const [second, ids] of [
      [0, ['a']],
      [59, ['a']],
      [60, ['a', 'b']],
      [119, ['a']],
    ] as const) {
      clock.mockReturnValue(second * 1_000);
      await cache.invalidate(ids);
    }
    expect(warnings().map(({ users }) => users)).toEqual([1, 2]);
  });
});
