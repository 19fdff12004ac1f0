import type { HttpRequest } from '../../src/http/http-request';
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

  /** The number of refusals for a reason, by the metric. */
  async function refusals(server: TestHttpServer, reason: string, limit = ''): Promise<number> {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const line = new RegExp(`^user_service_refusals_total{reason="${reason}",limit="${limit}"} (.*)$`, 'm');
    return Number(line.exec(text)?.[1] ?? 0);
  }

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

  it.each(['José in Latin-1', 'a lone continuation', 'half a character', 'an overlong NUL', 'UTF-16'])(
    'responds 400 to a body that is not UTF-8: %s',
    async (kind) => {
      const bytes: Record<string, Buffer> = {
        'José in Latin-1': Buffer.from('José', 'latin1'),
        'a lone continuation': Buffer.from([0x80]),
        'half a character': Buffer.from([0xf0, 0x9f]),
        'an overlong NUL': Buffer.from([0xc0, 0x80]),
      };
      const query = '{"query":"{hello}","operationName":null,"variables":{"name":"';
      const body = bytes[kind]
        ? Buffer.concat([Buffer.from(query), bytes[kind], Buffer.from('"}}')])
        : Buffer.from('\ufeff{"query":"{hello}"}', 'utf16le');
      const { url } = await start();
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Uint8Array(body),
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        errors: [{ message: 'The request body is not valid JSON.', extensions: { code: 'BAD_REQUEST' } }],
      });
    },
  );

  it.each(['application/json', 'application/json; charset=utf-8', 'application/graphql+json'])(
    'accepts UTF-8 as %s',
    async (type) => {
      const server = await start();
      const response = await server.post('{"query":"{hello} # José 🙂"}', { 'content-type': type });
      expect(response.status).toBe(type === 'application/graphql+json' ? 415 : 200);
    },
  );

  it('accepts development events under loopback names only', async () => {
    const published: unknown[] = [];
    const { url, http } = await start({
      publishDevelopmentEvent: async (event) => void published.push(event),
    });
    const event = {
      exchange: 'order.events',
      routingKey: 'order.placed',
      messageId: '1',
      type: 'OrderPlaced',
      contentType: 'application/json',
      body: '{}',
    };
    const post = (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
      http.inject({ method: 'POST', url: '/development/events', payload: event, headers, remoteAddress });
    for (const host of [
      'evil.example',
      '127.0.0.1.evil.example',
      'localhost.evil.example:4001',
      '10.0.0.7:4001',
    ])
      expect((await post({ host })).statusCode).toBe(403);
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example'])
      expect((await post({ host: 'localhost:4001', origin })).statusCode).toBe(403);
    for (const address of ['10.0.0.7', '::ffff:10.0.0.7', 'fe80::1'])
      expect((await post({ host: 'localhost:4001' }, address)).statusCode).toBe(403);
    expect(published).toEqual([]);
    for (const host of ['localhost:4001', '127.0.0.1:4001', '[::1]:4001', 'LOCALHOST'])
      expect((await post({ host, origin: `http://${host}` })).statusCode).toBe(202);
    const response = await fetch(`${url}/development/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(event),
    });
    expect(response.status).toBe(202);
    expect(published).toHaveLength(5);
  });

  it('issues development tokens under loopback names only', async () => {
    const { http } = await start({ issueDevelopmentToken: async ({ sub, scope }) => `${sub} ${scope}` });
    const post = (headers: Record<string, string>, payload: unknown = { sub: 'ada', scope: 'users:read' }) =>
      http.inject({ method: 'POST', url: '/development/tokens', payload: payload as object, headers });
    for (const headers of [{ host: 'evil.example' }, { host: 'localhost', origin: 'https://evil.example' }])
      expect((await post(headers)).statusCode).toBe(403);
    for (const payload of [{ sub: 'ada' }, { sub: 'a b', scope: '' }, { sub: '', scope: '' }])
      expect((await post({ host: 'localhost' }, payload)).statusCode).toBe(400);
    const response = await post({ host: 'localhost:4001', origin: 'http://localhost:4001' });
    expect([response.json(), response.headers['cache-control']]).toEqual([
      { token: 'ada users:read' },
      'no-store',
    ]);
  });

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
    expect(await refusals(server, 'SERVICE_UNAVAILABLE')).toBe(1);
    expect(server.logLines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'request failed' }),
    );
  });

  it('responds LIMIT_EXCEEDED instead of a body of more than 2^24 bytes', async () => {
    const server = await start();
    const overhead = '{"data":{"text":""}}\n'.length;
    const text = (bytes: number) => server.post(`{"query":"{text(length: ${(bytes - overhead) / 2})}"}`);
    const largest = await text(2 ** 24 - 1);
    expect([largest.status, (await largest.arrayBuffer()).byteLength]).toEqual([200, 2 ** 24 - 1]);
    const refused = await text(2 ** 24 + 1);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual({
      errors: [
        {
          message: 'The response has more than 16777216 bytes. Request smaller pages.',
          extensions: {
            code: 'LIMIT_EXCEEDED',
            limit: 'responseBytes',
            maximum: 16_777_216,
            requestId: refused.headers.get('x-request-id'),
          },
        },
      ],
    });
    expect(await refusals(server, 'LIMIT_EXCEEDED', 'responseBytes')).toBe(1);
  });

  describe('with limited concurrency', () => {
    const actorId = async ({ headers }: HttpRequest) => headers.authorization ?? null;
    const never = '{"query":"{never}"}';
    const hello = '{"query":"{hello}"}';

    async function expectRefused(response: Response): Promise<void> {
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
      expect(await response.json()).toMatchObject({
        errors: [
          {
            message: 'Too many operations are running. Please try again.',
            extensions: { code: 'SERVICE_UNAVAILABLE' },
          },
        ],
      });
    }

    it('refuses the operation after the last of an actor before it reads the body', async () => {
      const server = await start({ concurrency: { total: 10, perActor: 2 }, actorId });
      const clients = new AbortController();
      const own = { authorization: 'ada' };
      for (let operation = 0; operation < 2; operation += 1)
        server.post(never, own, clients.signal).catch(() => undefined);
      await eventually(() => expect(server.deadlines).toHaveLength(2));
      await expectRefused(await server.post(hello, own));
      await expectRefused(await server.post('no JSON', own));
      expect(await refusals(server, 'SERVICE_UNAVAILABLE')).toBe(2);
      expect((await server.post(hello, { authorization: 'bob' })).status).toBe(200);
      expect((await server.post(hello)).status).toBe(200);
      clients.abort();
    });

    it('refuses the operation after the last of the replica and accepts the next one after an end', async () => {
      const server = await start({ concurrency: { total: 2, perActor: 2 }, actorId });
      const waiting = [1, 2].map(() => server.post('{"query":"{wait(ms: 300)}"}'));
      await eventually(async () => expectRefused(await server.post(hello)));
      for (const response of await Promise.all(waiting)) expect(response.status).toBe(200);
      for (let operation = 0; operation < 5; operation += 1) {
        expect((await server.post(hello)).status).toBe(200);
        expect((await server.post('no JSON')).status).toBe(400);
      }
    });

    it('counts an operation until its work ends, which may be after its timeout', async () => {
      const server = await start({ concurrency: { total: 1, perActor: 1 }, requestTimeoutMs: 50 });
      expect((await server.post('{"query":"{wait(ms: 400)}"}')).status).toBe(503);
      await expectRefused(await server.post(hello));
      await eventually(async () => expect((await server.post(hello)).status).toBe(200));
    });
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

    const unavailable = (reason: string) => [503, { status: 'unavailable', reason }];
    const startedAt = performance.now();
    expect(await get('/health/ready')).toEqual(unavailable('PostgreSQL did not respond in time'));
    expect(performance.now() - startedAt).toBeLessThan(1500);

    readiness = async () => ({ ready: true, degraded: ['redis'] });
    expect(await get('/health/ready')).toEqual([200, { status: 'ready', degraded: ['redis'] }]);
    readiness = async () => ({ ready: false, degraded: [] });
    expect(await get('/health/ready')).toEqual(unavailable('PostgreSQL is unavailable'));
    readiness = () => Promise.reject(new Error('connect ECONNREFUSED'));
    expect(await get('/health/ready')).toEqual(unavailable('PostgreSQL is unavailable'));
    const failures = server.logLines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
    expect(failures).toMatchObject([{ msg: 'readiness check failed', err: { name: 'Error' } }]);
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
    // As Prometheus asks.
    const accept =
      'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1';
    const openMetrics = await fetch(`${server.url}/metrics`, { headers: { accept } });
    expect(openMetrics.headers.get('content-type')).toContain('application/openmetrics-text; version=1.0.0');
    expect(await openMetrics.text()).toMatch(/\n# EOF\n$/);
  });
});
