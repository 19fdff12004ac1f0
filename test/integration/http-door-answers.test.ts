import { eventually } from '../testkit/eventually';
import { startTestDoor, type TestDoor } from '../testkit/http-door';

describe('the HTTP door', () => {
  const open: TestDoor[] = [];
  async function start(...parameters: Parameters<typeof startTestDoor>): Promise<TestDoor> {
    const door = await startTestDoor(...parameters);
    open.push(door);
    return door;
  }
  afterEach(async () => {
    await Promise.all(open.splice(0).map((door) => door.close()));
  });

  it.each(['01975A5E-1111-7000-8000-0000000000ad', '0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'])(
    'keeps the request id %s, through context, answer and log',
    async (given) => {
      const door = await start();
      const response = await door.post('{"query":"{requestId}"}', { 'x-request-id': given });
      expect(response.headers.get('x-request-id')).toBe(given);
      expect(await response.json()).toEqual({ data: { requestId: given } });
      await eventually(() => {
        const line = door.logLines
          .map((text) => JSON.parse(text))
          .find(({ msg }) => msg === 'request completed');
        expect(line).toMatchObject({ requestId: given, route: '/graphql', statusCode: 200 });
      });
    },
  );

  it.each(['ada@example.com', 'from-ada-lovelace', '4915155512345', '-'.repeat(36), 'a'.repeat(65), 'a b'])(
    'replaces the request id %s',
    async (given) => {
      const door = await start();
      const response = await door.post('{"query":"{requestId}"}', { 'x-request-id': given });
      expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
      expect(door.logLines.join('')).not.toContain(given);
    },
  );

  it('answers SERVICE_UNAVAILABLE when the time is up, and tells whoever still works on it', async () => {
    const door = await start({ requestTimeoutMs: 100 });
    const response = await door.post('{"query":"{never}"}');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      errors: [
        {
          message: 'The request timed out.',
          extensions: { code: 'SERVICE_UNAVAILABLE', requestId: response.headers.get('x-request-id') },
        },
      ],
    });
    expect(door.deadlines[0]?.aborted).toBe(true);
  });

  it('tells whoever works on a request that its client has gone', async () => {
    const door = await start();
    const client = new AbortController();
    const asked = fetch(`${door.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{never}"}',
      signal: client.signal,
    });
    asked.catch(() => undefined);
    await eventually(() => expect(door.deadlines[0]?.aborted).toBe(false));
    client.abort();
    await eventually(() => expect(door.deadlines[0]?.aborted).toBe(true));
  });

  it('leaves the deadline of an answered request alone', async () => {
    const door = await start({ requestTimeoutMs: 150 });
    const answers = await Promise.all([1, 2, 3].map(() => door.post('{"query":"{wait(ms: 50)}"}')));
    for (const answer of answers) expect(answer.status).toBe(200);
  });

  it('is alive without asking anything, ready only when PostgreSQL is, and says what it lacks', async () => {
    let answer: () => Promise<{ ready: boolean; degraded: string[] }> = () => new Promise(() => undefined);
    const door = await start({ readiness: () => answer() });
    const get = async (path: string) => {
      const response = await fetch(door.url + path);
      return [response.status, await response.json()];
    };
    expect(await get('/health/live')).toEqual([200, { status: 'live' }]);

    const startedAt = performance.now();
    expect(await get('/health/ready')).toEqual([503, expect.objectContaining({ status: 'unavailable' })]);
    expect(performance.now() - startedAt).toBeLessThan(1500);

    answer = async () => ({ ready: true, degraded: ['redis'] });
    expect(await get('/health/ready')).toEqual([200, { status: 'ready', degraded: ['redis'] }]);
    answer = async () => ({ ready: false, degraded: [] });
    expect(await get('/health/ready')).toEqual([503, expect.objectContaining({ status: 'unavailable' })]);
    answer = () => Promise.reject(new Error('connect ECONNREFUSED'));
    expect(await get('/health/ready')).toEqual([503, expect.objectContaining({ status: 'unavailable' })]);
  });

  it('serves the schemas of messages and the metrics', async () => {
    const schema = { $id: '/schemas/UserCreated/1.0.0.json', type: 'object' };
    const door = await start({ schemas: new Map([[schema.$id, schema]]) });
    const found = await fetch(door.url + schema.$id);
    expect([found.status, await found.json()]).toEqual([200, schema]);
    expect((await fetch(`${door.url}/schemas/UserCreated/2.0.0.json`)).status).toBe(404);

    const metrics = await fetch(`${door.url}/metrics`);
    expect(metrics.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    const text = await metrics.text();
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect(text).toContain('user_service_http_requests_total{route="/schemas/*",status="200"} 1');
    expect(text).toContain('user_service_http_requests_total{route="unknown",status="404"} 1');
  });
});
