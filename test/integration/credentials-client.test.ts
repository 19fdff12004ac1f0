import { pino } from 'pino';
import { type CredentialsClient, createCredentialsClient } from '../../src/authentication/credentials-client';
import type { Tracing } from '../../src/telemetry/tracing';
import { startAuthenticationService } from '../testkit/authentication-service';
import type { PlannedResponse, ProgrammableServer } from '../testkit/programmable-server';

const credentials = { userId: 'a/b?c', email: 'ada@example.com', password: 'correct horse "battery" staple' };

async function callFrozenService() {
  const service = await startAuthenticationService();
  service.always('freeze');
  const client = createCredentialsClient({ baseUrl: service.url, log: pino({ level: 'silent' }) });
  const before = performance.now();
  const result = await client.put(credentials);
  const tookMs = performance.now() - before;
  await service.close();
  return { result, tookMs, requests: service.requests.length };
}

describe('the credentials client', () => {
  let service: ProgrammableServer;
  let client: CredentialsClient;
  let lines: Record<string, unknown>[];

  /** The call to a service that never responds. Started first, because it takes seconds. */
  let frozen: Promise<{ result: unknown; tookMs: number; requests: number }>;
  beforeAll(() => {
    frozen = callFrozenService();
    // Its test awaits it later.
    frozen.catch(() => undefined);
  });

  beforeEach(async () => {
    service = await startAuthenticationService();
    lines = [];
    client = clientOf({});
  });
  afterEach(() => service.close());

  const write = (line: string) => {
    if (/battery|ada@/.test(line)) throw new Error('personal data in the log');
    lines.push(JSON.parse(line));
  };
  const clientOf = (options: {
    baseUrl?: URL;
    attemptTimeoutMs?: number;
    totalTimeoutMs?: number;
    tracing?: Tracing;
  }) =>
    createCredentialsClient({
      baseUrl: service.url,
      log: pino({ level: 'trace' }, { write }),
      ...options,
    });

  it('puts e-mail and password under the user id and returns accepted', async () => {
    expect(await client.put(credentials)).toEqual({ outcome: 'accepted' });
    expect(service.requests).toHaveLength(1);
    const [{ method, path, headers, body }] = service.requests as [(typeof service.requests)[number]];
    expect({ method, path }).toEqual({ method: 'PUT', path: '/credentials/a%2Fb%3Fc' });
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(body)).toEqual({ email: credentials.email, password: credentials.password });
    expect(lines).toEqual([]);
  });

  it('keeps the path, the query and the user of its base URL', async () => {
    const baseUrl = new URL('auth/v1/?tenant=shop', service.url);
    baseUrl.username = 'user-service';
    baseUrl.password = 'p@ss';
    expect(await clientOf({ baseUrl }).put({ ...credentials, userId: 'u1' })).toEqual({
      outcome: 'accepted',
    });
    expect(service.requests[0]?.path).toBe('/auth/v1/credentials/u1?tenant=shop');
    expect(service.requests[0]?.headers.authorization).toBe(`Basic ${btoa('user-service:p@ss')}`);
    baseUrl.password = '';
    await clientOf({ baseUrl }).put(credentials);
    expect(service.requests[1]?.headers.authorization).toBe(`Basic ${btoa('user-service:')}`);
  });

  it.each([
    [204, 'accepted', false],
    [422, 'refused', false],
    [400, 'unavailable', true],
  ])('records a span after %i, with the outcome %s', async (status, outcome, failed) => {
    service.always({ status });
    const ended: unknown[] = [];
    const span = { traceparent: 'that of the span', end: (end: unknown) => void ended.push(end) };
    const tracing = { startSpan: () => span } as unknown as Tracing;
    await clientOf({ tracing }).put(credentials, 'that of the caller');
    expect(ended).toEqual([{ failed, attributes: { outcome } }]);
    expect(service.requests[0]?.headers['traceparent']).toBe(span.traceparent);
  });

  it.each([200, 201, 202, 204])('returns accepted after %i', async (status) => {
    service.always(status === 204 ? { status } : { status, body: { password: credentials.password } });
    expect(await client.put(credentials)).toEqual({ outcome: 'accepted' });
  });

  it.each<[string, unknown, string]>([
    ['its reason', { reason: 'Too common.' }, 'Too common.'],
    [
      'a problem document',
      { type: 'about:blank', title: 'Weak', detail: 'Too short.', status: 422 },
      'Too short.',
    ],
    [
      'a reason that quotes the password',
      { reason: `${credentials.password}?` },
      'The credentials were not accepted.',
    ],
    ['no reason', '', 'The credentials were not accepted.'],
    ['a body that is not JSON', '<html>', 'The credentials were not accepted.'],
    ['a long body', { reason: 'x'.repeat(20_000) }, 'The credentials were not accepted.'],
  ])('returns refused without a retry after 422 with %s', async (_, body, reason) => {
    service.always({ status: 422, body });
    expect(await client.put(credentials)).toEqual({ outcome: 'refused', reason });
    expect(service.requests).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  it.each<[string, PlannedResponse]>([
    ['500', { status: 500 }],
    ['503', { status: 503, headers: { 'retry-after': '0' } }],
    ['429', { status: 429 }],
    ['408', { status: 408 }],
    ['a broken connection', 'reset'],
  ])('retries after %s with back-off', async (_, response) => {
    service.next(response, response);
    expect(await client.put(credentials)).toEqual({ outcome: 'accepted' });
    const [first, second, third] = service.requests.map(({ at }) => at) as [number, number, number];
    expect(second - first).toBeGreaterThanOrEqual(95);
    expect(third - second).toBeGreaterThanOrEqual(195);
    expect(new Set(service.requests.map(({ body }) => body)).size).toBe(1);
  });

  it('returns unavailable after three tries and logs the last failure once, without the error', async () => {
    service.next({ status: 500 });
    service.always('reset');
    expect(await client.put(credentials)).toEqual({ outcome: 'unavailable' });
    expect(service.requests).toHaveLength(3);
    expect(lines).toEqual([expect.objectContaining({ level: 40, userId: 'a/b?c', attempts: 3 })]);
    expect(lines[0]?.failure).toMatch(/^[A-Z_]+$/);
  });

  it('retries within its deadline after a try that times out', async () => {
    service.next('freeze');
    expect(await clientOf({ attemptTimeoutMs: 200 }).put(credentials)).toEqual({ outcome: 'accepted' });
  });

  it('does not retry before retry-after', async () => {
    service.always({ status: 503, headers: { 'retry-after': '60' } });
    const before = performance.now();
    expect(await client.put(credentials)).toEqual({ outcome: 'unavailable' });
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(service.requests).toHaveLength(1);
  });

  it('returns unavailable when the connection is refused', async () => {
    const gone = await startAuthenticationService();
    await gone.close();
    expect(await clientOf({ baseUrl: gone.url }).put(credentials)).toEqual({ outcome: 'unavailable' });
    expect(lines).toEqual([expect.objectContaining({ failure: 'ECONNREFUSED' })]);
  });

  it.each([400, 401, 403, 404, 409])('logs one error and does not retry after %i', async (status) => {
    service.always({ status, body: { message: credentials.password } });
    expect(await client.put(credentials)).toEqual({ outcome: 'unavailable' });
    expect(await client.put(credentials)).toEqual({ outcome: 'unavailable' });
    expect(service.requests).toHaveLength(2);
    expect(lines).toEqual([expect.objectContaining({ level: 50, failure: `status ${status}` })]);
  });

  it('logs a misconfiguration again once a request succeeded in between', async () => {
    for (const status of [400, 400, 204, 400]) {
      service.always({ status });
      await client.put(credentials);
    }
    expect(lines).toEqual(Array(2).fill(expect.objectContaining({ level: 50, failure: 'status 400' })));
  });

  it.each([301, 302, 307, 308])('does not follow a %i with the password', async (status) => {
    const elsewhere = await startAuthenticationService();
    service.always({ status, headers: { location: elsewhere.url.href } });
    const result = await client.put(credentials);
    await elsewhere.close();
    expect(result).toEqual({ outcome: 'unavailable' });
    expect(elsewhere.requests).toEqual([]);
    expect(service.requests).toHaveLength(1);
    expect(lines).toEqual([expect.objectContaining({ level: 50, failure: `status ${status}` })]);
  });

  it('returns unavailable at its deadline when no response arrives', async () => {
    const { result, tookMs, requests } = await frozen;
    expect(result).toEqual({ outcome: 'unavailable' });
    expect(tookMs).toBeGreaterThan(3_300);
    expect(tookMs).toBeLessThan(4_000);
    expect(requests).toBe(2);
  });
});
