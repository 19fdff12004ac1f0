import { eventually } from '../testkit/eventually';
import { startTestHttpServer, type TestHttpServer } from '../testkit/test-http-server';

describe('the HTTP server', () => {
  const started: TestHttpServer[] = [];
  async function start(...parameters: Parameters<typeof startTestHttpServer>): Promise<TestHttpServer> {
    const server = await startTestHttpServer(...parameters);
    started.push(server);
    return server;
  }
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.close()));
  });

  it.each(['01975A5E-1111-7000-8000-0000000000ad', '0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'])(
    'keeps the request id %s in context, response and log',
    async (given) => {
      const server = await start();
      const response = await server.post('{"query":"{requestId}"}', { 'x-request-id': given });
      expect(response.headers.get('x-request-id')).toBe(given);
      expect(await response.json()).toEqual({ data: { requestId: given } });
      await eventually(() => {
        const line = server.logLines
          .map((text) => JSON.parse(text))
          .find(({ msg }) => msg === 'request completed');
        expect(line).toMatchObject({ requestId: given, route: '/graphql', statusCode: 200 });
      });
    },
  );

  it.each(['ada@example.com', 'from-ada-lovelace', '4915155512345', '-'.repeat(36), 'a'.repeat(65), 'a b'])(
    'replaces the request id %s',
    async (given) => {
      const server = await start();
      const response = await server.post('{"query":"{requestId}"}', { 'x-request-id': given });
      expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
      expect(server.logLines.join('')).not.toContain(given);
    },
  );

  it('responds SERVICE_UNAVAILABLE after the request timeout and aborts the deadline signal', async () => {
    const server = await start({ requestTimeoutMs: 100 });
    const response = await server.post('{"query":"{never}"}');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      errors: [
        {
          message: 'The request timed out.',
          extensions: { code: 'SERVICE_UNAVAILABLE', requestId: response.headers.get('x-request-id') },
        },
      ],
    });
    expect(server.deadlines[0]?.aborted).toBe(true);
  });

  it('aborts the deadline signal when the client disconnects', async () => {
    const server = await start();
    const client = new AbortController();
    const pending = fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{never}"}',
      signal: client.signal,
    });
    pending.catch(() => undefined);
    await eventually(() => expect(server.deadlines[0]?.aborted).toBe(false));
    client.abort();
    await eventually(() => expect(server.deadlines[0]?.aborted).toBe(true));
  });

  it('responds 200 to requests that complete before the timeout', async () => {
    const server = await start({ requestTimeoutMs: 150 });
    const responses = await Promise.all([1, 2, 3].map(() => server.post('{"query":"{wait(ms: 50)}"}')));
    for (const response of responses) expect(response.status).toBe(200);
  });

  it('responds 200 on /health/live without a readiness check, and on /health/ready by its result', async () => {
    let readiness: () => Promise<{ ready: boolean; degraded: string[] }> = () => new Promise(() => undefined);
    const server = await start({ readiness: () => readiness() });
    const get = async (path: string) => {
      const response = await fetch(server.url + path);
      return [response.status, await response.json()];
    };
    expect(await get('/health/live')).toEqual([200, { status: 'live' }]);

    const startedAt = performance.now();
    expect(await get('/health/ready')).toEqual([503, expect.objectContaining({ status: 'unavailable' })]);
    expect(performance.now() - startedAt).toBeLessThan(1500);

    readiness = async () => ({ ready: true, degraded: ['redis'] });
    expect(await get('/health/ready')).toEqual([200, { status: 'ready', degraded: ['redis'] }]);
    readiness = async () => ({ ready: false, degraded: [] });
    expect(await get('/health/ready')).toEqual([503, expect.objectContaining({ status: 'unavailable' })]);
    readiness = () => Promise.reject(new Error('connect ECONNREFUSED'));
    expect(await get('/health/ready')).toEqual([503, expect.objectContaining({ status: 'unavailable' })]);
  });

  it('serves message schemas and metrics', async () => {
    const schema = { $id: '/schemas/UserCreated/1.0.0.json', type: 'object' };
    const server = await start({ schemas: new Map([[schema.$id, schema]]) });
    const found = await fetch(server.url + schema.$id);
    expect([found.status, await found.json()]).toEqual([200, schema]);
    expect((await fetch(`${server.url}/schemas/UserCreated/2.0.0.json`)).status).toBe(404);

    const metrics = await fetch(`${server.url}/metrics`);
    expect(metrics.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    const text = await metrics.text();
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect(text).toContain('user_service_http_requests_total{route="/schemas/*",status="200"} 1');
    expect(text).toContain('user_service_http_requests_total{route="unknown",status="404"} 1');
  });
});
