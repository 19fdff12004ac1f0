import { RouterCache } from '../../../src/outbox/router-cache';
import { createLogger } from '../../../src/telemetry/logger';
import { type ProgrammableServer, startProgrammableServer } from '../../testkit/programmable-server';

describe('RouterCache', () => {
  let router: ProgrammableServer;
  let logged: Record<string, unknown>[];
  let cache: RouterCache;
  beforeEach(async () => {
    router = await startProgrammableServer({ status: 200 });
    logged = [];
    cache = new RouterCache({
      url: router.url.href,
      key: 'shared',
      tagOf: (id) => `user-${id}`,
      log: createLogger({
        level: 'info',
        destination: { write: (line: string) => void logged.push(JSON.parse(line)) },
      }),
    });
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await router.close();
  });

  it('removes each user of a call once', async () => {
    await cache.invalidate(['a', 'b', 'a']);
    expect(router.requests.map(({ body }) => JSON.parse(body))).toEqual([
      ['a', 'b'].map((id) => ({ kind: 'cache_tag', subgraphs: ['users'], cache_tag: `user-${id}` })),
    ]);
    expect(logged).toEqual([]);
  });

  it('logs one warning a minute, with the number of users', async () => {
    router.next({ status: 401 }, { status: 500 }, { status: 502 }, { status: 503 });
    const startedAtMs = performance.now();
    const clock = jest.spyOn(performance, 'now');
    for (const [second, ids] of [
      [0, ['a']],
      [59, ['a']],
      [61, ['a', 'b']],
      [120, ['a']],
    ] as const) {
      clock.mockReturnValue(startedAtMs + second * 1_000);
      await cache.invalidate(ids);
    }
    expect(logged.map(({ users }) => users)).toEqual([1, 2]);
  });
});
