import { createResponseReport, type LoggedRequests } from '../../../src/http/response-report';

/** Reports a request and returns whether it was logged. `share` is what Math.random returns. */
function isLogged(logged: LoggedRequests, statusCode: number, elapsedMs: number, share: number): boolean {
  const lines: unknown[] = [];
  const log = { info: (line: unknown) => void lines.push(line), debug: () => undefined };
  const random = jest.spyOn(Math, 'random').mockReturnValue(share);
  createResponseReport(
    { httpRequests: { inc: () => undefined } } as never,
    logged,
  )({
    method: 'POST',
    route: '/graphql',
    statusCode,
    elapsedMs,
    log: () => log as never,
  });
  random.mockRestore();
  return lines.length > 0;
}

describe('LOG_REQUESTS', () => {
  it.each([
    ['a request that failed with 500', 500, 1, 0.5, ['errors', 'sampled', 'all']],
    ['a request that failed with 503', 503, 1, 0.5, ['errors', 'sampled', 'all']],
    ['a request that was refused with 499', 499, 1, 0.5, ['all']],
    ['a request of more than a second', 200, 1_001, 0.5, ['sampled', 'all']],
    ['a request of a second', 200, 1_000, 0.5, ['all']],
    ['one request in a hundred', 200, 1, 0.0099, ['sampled', 'all']],
    ['other requests', 200, 1, 0.01, ['all']],
  ] as const)('logs %s with the expected values only', (_what, status, elapsedMs, share, expected) => {
    const logging = (['errors', 'sampled', 'all'] as const).filter((logged) =>
      isLogged(logged, status, elapsedMs, share),
    );
    expect(logging).toEqual(expected);
  });
});

it('createResponseReport counts each request, and logs its duration to a tenth of a millisecond', () => {
  const counted: unknown[] = [];
  const lines: unknown[] = [];
  const log = Object.fromEntries(
    ['info', 'debug'].map((level) => [level, (line: unknown) => void lines.push([level, line])]),
  );
  const metrics = { httpRequests: { inc: (labels: unknown) => void counted.push(labels) } };
  const completed = { method: 'GET', statusCode: 500, elapsedMs: 12.345, log: () => log as never };
  const report = createResponseReport(metrics as never, 'errors');
  report({ ...completed, route: '/graphql', statusCode: 200 });
  report({ ...completed, route: '/graphql' });
  report({ ...completed, route: '/health/live' });
  expect(counted).toEqual([
    { route: '/graphql', status: 200 },
    { route: '/graphql', status: 500 },
    { route: '/health/live', status: 500 },
  ]);
  const line = { method: 'GET', statusCode: 500, durationMs: 12.3 };
  expect(lines).toEqual([
    ['info', { ...line, route: '/graphql' }],
    ['debug', { ...line, route: '/health/live' }],
  ]);
});
