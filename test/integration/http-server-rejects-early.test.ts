import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { freePort } from '../testkit/redis-server';
import { startTestHttpServer, type TestHttpServer } from '../testkit/test-http-server';

const tenMegabytes = 10_000_000;
const requestId = '01975a5e-1111-7000-8000-0000000000ad';

describe('the HTTP server', () => {
  let server: TestHttpServer;
  beforeAll(async () => {
    server = await startTestHttpServer({ routerProof: (header) => header !== 'wrong' });
  });
  afterAll(() => server.close());

  /** Sends a body of ten megabytes through Node's own client, which distinguishes a broken pipe from a response. */
  function sendTenMegabytes(headers: Record<string, string | number>) {
    return new Promise<{ status: number | undefined; body: string; elapsedMs: number }>((resolve, reject) => {
      const startedAt = performance.now();
      const outgoing = request(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
      });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        const elapsedMs = performance.now() - startedAt;
        let body = '';
        response.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode, body, elapsedMs }));
      });
      for (let sent = 0; sent < tenMegabytes; sent += 100_000) outgoing.write(Buffer.alloc(100_000, 'x'));
      outgoing.end();
    });
  }

  it.each([
    ['with content-length', { 'content-length': tenMegabytes }],
    ['chunked', { 'transfer-encoding': 'chunked' }],
  ])('responds 413 to a body of 10 MB (%s) within 100 ms', async (_name, headers) => {
    const elapsed: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { status, body, elapsedMs } = await sendTenMegabytes(headers);
      elapsed.push(elapsedMs);
      expect(status).toBe(413);
      expect(JSON.parse(body)).toEqual({
        errors: [
          {
            message: 'The request body is larger than 262144 bytes.',
            extensions: {
              code: 'LIMIT_EXCEEDED',
              limit: 'bodyBytes',
              maximum: 262_144,
              requestId: expect.any(String),
            },
          },
        ],
      });
    }
    expect(Math.min(...elapsed)).toBeLessThan(100);
  });

  it('responds 413 to a client that reads only after it has sent the whole body', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const head = `POST /graphql HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\n`;
    socket.write(`${head}content-length: ${tenMegabytes}\r\n\r\n`);
    for (let sent = 0; sent < tenMegabytes; sent += 100_000) {
      await new Promise<void>((resolve, reject) => {
        socket.write(Buffer.alloc(100_000, 'x'), (error) => (error ? reject(error) : resolve()));
      });
    }
    const [response] = (await once(socket, 'data')) as [Buffer];
    expect(response.toString()).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  it('accepts a body of exactly 256 kB', async () => {
    const query = '{"query":"{hello}"}';
    expect((await server.post(query.padEnd(262_144))).status).toBe(200);
    const count = async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return Number(/refusals_total{reason="LIMIT_EXCEEDED",limit="bodyBytes"} (.*)/.exec(text)?.[1] ?? 0);
    };
    const before = await count();
    expect((await server.post(query.padEnd(262_145))).status).toBe(413);
    expect((await count()) - before).toBe(1);
  });

  it('requires the router’s proof before it reads or parses the body', async () => {
    for (const body of ['{"query":"{_service{sdl}}"}', '{ malformed', 'x'.repeat(tenMegabytes)]) {
      const response = await server.post(body, { 'router-authorization': 'wrong' });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    }
    for (const path of ['/health/live', '/health/ready', '/metrics']) {
      const response = await fetch(server.url + path, { headers: { 'router-authorization': 'wrong' } });
      expect(response.status).toBe(200);
    }
  });

  it('responds BAD_REQUEST to malformed JSON without repeating it', async () => {
    for (const body of ['{"query": "zorro@example.com', '', 'null,', '{"__proto__": {"zorro": 1}}']) {
      const response = await server.post(body);
      const text = await response.text();
      expect(response.status).toBe(400);
      expect(JSON.parse(text).errors[0].extensions.code).toBe('BAD_REQUEST');
      expect(text).not.toContain('zorro');
    }
    expect(server.logLines.join('')).not.toContain('zorro');
  });

  it('accepts a body with content-encoding identity, and a slash at the end of the path', async () => {
    const query = '{"query":"{hello}"}';
    expect((await server.post(query, { 'content-encoding': 'identity' })).status).toBe(200);
    const headers = { 'content-type': 'application/json' };
    const slashed = await fetch(`${server.url}/graphql/`, { method: 'POST', headers, body: query });
    expect([slashed.status, await slashed.json()]).toEqual([200, { data: { hello: 'world' } }]);
  });

  it('responds 415 to media types other than JSON and to compressed bodies', async () => {
    const compressed = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync('{"query":"{hello}"}'),
    });
    expect(compressed.status).toBe(415);
    for (const contentType of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const response = await server.post('{"query":"{hello}"}', { 'content-type': contentType });
      expect(response.status).toBe(415);
      expect(await response.json()).toMatchObject({
        errors: [{ extensions: { code: 'UNSUPPORTED_MEDIA_TYPE' } }],
      });
    }
  });

  it.each([
    ['a header without a colon', 'GET /health/live HTTP/1.1\r\nhost: here\r\nzorro\r\n\r\n', 400],
    [
      'headers that are too large',
      `GET / HTTP/1.1\r\nhost: here\r\nx: ${'zorro'.repeat(10_000)}\r\n\r\n`,
      431,
    ],
    ['text that is not HTTP', 'zorro\r\n\r\n', 400],
    ['a URL that cannot be decoded', 'GET /health/%zorro HTTP/1.1\r\nhost: here\r\n\r\n', 400],
  ])('responds with a GraphQL error to %s', async (_, text, status) => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write(text);
    const [response] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    const [head = '', body = ''] = response.toString().split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(body)).toMatchObject({
      errors: [{ message: expect.any(String), extensions: { code: 'BAD_REQUEST' } }],
    });
    expect(response.toString()).not.toContain('zorro');
  });

  it('responds with the request id in header and body to a URL that cannot be decoded', async () => {
    const response = await fetch(`${server.url}/health/%zorro`);
    const [error] = ((await response.json()) as { errors: { extensions: object }[] }).errors;
    const requestId = response.headers.get('x-request-id');
    expect(requestId).toMatch(/^[\da-f-]{36}$/);
    expect(error?.extensions).toMatchObject({ requestId });
  });

  it('responds on the management port to a URL that cannot be decoded as on the main port', async () => {
    const managementPort = await freePort();
    const managed = await startTestHttpServer({ managementPort });
    const responses = [managed.url, `http://127.0.0.1:${managementPort}`].map(async (url) => {
      const response = await fetch(`${url}/health/%zorro`, { headers: { 'x-request-id': requestId } });
      return [response.status, response.headers.get('x-request-id'), await response.json()];
    });
    const extensions = { code: 'BAD_REQUEST', requestId };
    const expected = [400, requestId, { errors: [{ message: 'The URL is not valid.', extensions }] }];
    expect(await Promise.all(responses)).toEqual([expected, expected]);
    const socket = connect(managementPort, '127.0.0.1');
    socket.write('zorro\r\n\r\n');
    expect(String(await once(socket, 'data'))).toContain('The request is not valid HTTP.');
    socket.destroy();
    await managed.close();
  });

  it.each([
    ['', '1.0'],
    ['host: \r\n', '1.1'],
    ['host: %\r\n', '1.1'],
    ['host: a b\r\n', '1.1'],
    ['host: xn--a\r\n', '1.1'],
    ['host: user-service.999:4001\r\n', '1.1'],
  ])('responds 200 to a query with the Host header %j in HTTP/%s', async (host, version) => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const query = '{"query":"{hello}"}';
    socket.write(`POST /graphql HTTP/${version}\r\n${host}content-type: application/json\r\n`);
    socket.write(`content-length: ${query.length}\r\n\r\n${query}`);
    const [response] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(response.toString()).toContain('{"data":{"hello":"world"}}');
  });

  it('responds 405 to a wrong method and 404 to an unknown path', async () => {
    const query = await fetch(`${server.url}/graphql?query={hello}`);
    expect([query.status, query.headers.get('allow')]).toEqual([405, 'POST']);
    const live = await fetch(`${server.url}/health/live`, { method: 'DELETE' });
    expect([live.status, live.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    for (const path of ['/', '/nowhere', '/graphql/deeper', '/schemas/UserCreated/1.0.0.json']) {
      const response = await fetch(server.url + path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
    }
  });
});
