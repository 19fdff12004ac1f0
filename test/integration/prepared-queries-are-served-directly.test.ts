import { once } from 'node:events';
import { connect } from 'node:net';
import type { HttpRequest } from '../../src/http/http-request';
import { eventually } from '../testkit/eventually';
import { startTestHttpServer, type TestHttpServer } from '../testkit/test-http-server';

type Respond = (
  body: unknown,
  createContext: () => Promise<{ request: HttpRequest }>,
) => Promise<string | null>;

/** A response that the prepared query has after this time. */
const responseAfter = (ms: number, json: string | null) =>
  new Promise<string | null>((resolve) => setTimeout(() => resolve(json), ms));
const hello = '{"query":"{hello}"}';
const id = '01975a5e-1111-7000-8000-0000000000ad';

let respond: Respond;
/** The bodies that were offered as prepared queries. */
let offered: unknown[];
let server: TestHttpServer;
beforeAll(async () => {
  server = await startTestHttpServer({
    requestTimeoutMs: 200,
    concurrency: { total: 1, perActor: 1 },
    respondToQuery: async (body, createContext) => {
      offered.push(body);
      const json = await respond(body, createContext);
      return json === null ? null : { json, cacheControl: 'private, no-store' };
    },
  });
});
afterAll(() => server.close());
beforeEach(() => {
  offered = [];
  respond = async () => null;
});

/** The log lines of completed requests; the metric has counted as many. */
async function completedRequests(): Promise<Record<string, unknown>[]> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const counts = text.matchAll(/http_requests_total\{route="\/graphql",status="\d+"\} (\d+)/g);
  const counted = [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  const lines = server.logLines.map((line) => JSON.parse(line)).filter(({ route }) => route === '/graphql');
  expect(lines).toHaveLength(counted);
  return lines;
}

const connectTo = (url: string) => connect(Number(new URL(url).port), '127.0.0.1');

/** The head of a request to the graph with this body. */
const headOf = (body: string) =>
  `POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;

/** True if a server listens there. */
async function accepts(url: string): Promise<boolean> {
  const socket = connectTo(url);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('the HTTP server', () => {
  it('responds to a prepared query with its text, the request id, and one log line', async () => {
    let deadline: HttpRequest['deadline'] | undefined;
    respond = async (_body, createContext) => {
      ({ deadline } = (await createContext()).request);
      return responseAfter(20, '{"data":"ä"}');
    };
    const response = await server.post(hello, { 'x-request-id': id });
    expect([response.status, await response.text()]).toEqual([200, '{"data":"ä"}']);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': '13',
      'x-request-id': id,
    });
    expect([deadline?.aborted, deadline?.signal.aborted]).toEqual([false, false]);
    await eventually(async () =>
      expect(await completedRequests()).toMatchObject([
        { msg: 'request completed', method: 'POST', statusCode: 200, requestId: id },
      ]),
    );
    const [{ durationMs } = {}] = await completedRequests();
    expect(durationMs).toBeGreaterThanOrEqual(18);
    expect(durationMs).toBeLessThan(1_000);
  });

  it('hands a query without a text over with its body and id, and ends the operation once', async () => {
    for (let request = 0; request < 3; request += 1) {
      const response = await server.post('{"query":"{requestId}"}', { 'x-request-id': id });
      expect([response.status, await response.json()]).toEqual([200, { data: { requestId: id } }]);
    }
    expect((await server.post('no JSON')).status).toBe(400);
    expect((await server.post(hello)).status).toBe(200);
    await eventually(async () => expect(await completedRequests()).toHaveLength(6));
  });

  it('hands a query over that throws', async () => {
    respond = async () => {
      throw new Error('broken');
    };
    expect(await (await server.post(hello)).json()).toEqual({ data: { hello: 'world' } });
  });

  it('responds 503 at the timeout of a prepared query, aborts its deadline, and counts it until it ends', async () => {
    let end: (() => void) | undefined;
    let deadline: HttpRequest['deadline'] | undefined;
    respond = async (_body, createContext) => {
      ({ deadline } = (await createContext()).request);
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return '{"data":"late"}';
    };
    const response = await server.post(hello, { 'x-request-id': id });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      errors: [
        { message: 'The request timed out.', extensions: { code: 'SERVICE_UNAVAILABLE', requestId: id } },
      ],
    });
    expect([deadline?.aborted, deadline?.signal.aborted]).toEqual([true, true]);
    // Requests before this one have their responses, and their timeouts have passed.
    const failed = server.logLines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
    expect(failed).toMatchObject([{ requestId: id, msg: 'request failed' }]);
    const refused = await server.post(hello);
    expect(await refused.json()).toMatchObject({
      errors: [{ message: 'Too many operations are running. Please try again.' }],
    });
    end?.();
    respond = async () => null;
    await eventually(async () => expect((await server.post(hello)).status).toBe(200));
  });

  it('responds 503 at the same timeout to a query that it hands over shortly before', async () => {
    respond = () => responseAfter(120, null);
    const response = await server.post('{"query":"{wait(ms: 140)}"}');
    expect(response.status).toBe(503);
    // The operation counts as running until its work ends.
    respond = async () => null;
    await eventually(async () => expect((await server.post(hello)).status).toBe(200));
  });

  it('gives a query that it hands over its whole time, however long its body took', async () => {
    const body = '{"query":"{wait(ms: 100)}"}';
    const socket = connectTo(server.url);
    socket.write(`${headOf(body)}{`);
    const startedAtMs = performance.now();
    // Longer than the timeout of an operation.
    await eventually(() => expect(performance.now() - startedAtMs).toBeGreaterThan(300));
    socket.write(body.slice(1));
    const [response] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(String(response)).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(offered).toHaveLength(1);
  });

  it('counts a prepared query until its response is sent', async () => {
    const json = `{"data":"${'a'.repeat(15_000_000)}"}`;
    respond = async () => json;
    const stalled = connectTo(server.url);
    stalled.write(headOf(hello) + hello);
    await once(stalled, 'readable');
    respond = async () => null;
    expect((await server.post(hello)).status).toBe(503);
    stalled.destroy();
    await eventually(async () => expect((await server.post(hello)).status).toBe(200));
  });

  it('aborts the deadline of a prepared query when its client disconnects', async () => {
    let signal: AbortSignal | undefined;
    let deadline: HttpRequest['deadline'] | undefined;
    respond = async (_body, createContext) => {
      ({ deadline } = (await createContext()).request);
      ({ signal } = deadline);
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      return null;
    };
    const client = new AbortController();
    server.post(hello, {}, client.signal).catch(() => undefined);
    await eventually(() => expect(signal?.aborted).toBe(false));
    client.abort();
    await eventually(() => expect([signal?.aborted, deadline?.aborted]).toEqual([true, true]));
  });

  it.each([
    ['another media type', { accept: 'application/graphql-response+json' }],
    ['a preference by weight', { accept: 'application/json;q=0.5, */*;q=0.1' }],
    ['a federated trace', { 'apollo-federation-include-trace': 'ftv1' }],
    ['another content type', { 'content-type': 'application/json;charset=utf-16' }],
    ['a compressed body', { 'content-encoding': 'gzip' }],
  ])('offers no query with %s as prepared', async (_what, headers) => {
    await server.post(hello, headers as Record<string, string>);
    expect(offered).toEqual([]);
  });

  it('offers no query as prepared while the server drains, so that the response closes the connection', async () => {
    const draining = await startTestHttpServer({
      respondToQuery: async (body) => {
        offered.push(body);
        return null;
      },
    });
    const drained = draining.http.drain({ delayMs: 100, idleGraceMs: 0 });
    expect((await draining.post(hello)).status).toBe(200);
    await drained;
    expect(offered).toEqual([]);
  });

  it('closes the connection of a prepared query that is running when the drain begins', async () => {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const draining = await startTestHttpServer({
      respondToQuery: async (body) => {
        offered.push(body);
        await finished;
        return { json: '{"data":1}', cacheControl: 'private, no-store' };
      },
    });
    const responding = draining.post(hello);
    await eventually(() => expect(offered).toHaveLength(1));
    const drained = draining.http.drain({ delayMs: 0, idleGraceMs: 0 });
    await eventually(async () => expect(await accepts(draining.url)).toBe(false));
    finish();
    const response = await responding;
    expect([response.status, response.headers.get('connection')]).toEqual([200, 'close']);
    await drained;
  });

  it('offers no body with keys that the JSON parser refuses as prepared', async () => {
    for (const key of ['__proto__', 'constructor', '\\u005f_proto__']) {
      const body = `{"query":"{hello}","variables":{"${key}":{"prototype":{}}}}`;
      expect((await server.post(body)).status).toBe(400);
    }
    expect(offered).toEqual([]);
  });
});
