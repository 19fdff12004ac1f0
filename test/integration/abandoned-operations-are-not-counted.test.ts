import { connect, type Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { HttpRequest } from '../../src/http/http-request';
import { eventually } from '../testkit/eventually';
import { startTestHttpServer, type TestHttpServer } from '../testkit/test-http-server';

const hello = '{"query":"{hello}"}';

async function expectRefused(response: Response): Promise<void> {
  expect(await response.json()).toMatchObject({
    errors: [{ message: 'Too many operations are running. Please try again.' }],
  });
}

describe.each([
  ['may be a prepared query', 'application/json'],
  ['is not one', 'application/graphql-response+json'],
])('the HTTP server, for a request that %s', (_what, accept) => {
  const head = `POST /graphql HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\naccept: ${accept}\r\n`;
  const withoutEnd = `${head}content-length: 50\r\n\r\n{"query"`;
  const whole = (body: string) => `${head}content-length: ${body.length}\r\n\r\n${body}`;

  let requests: (HttpRequest | FastifyRequest)[];
  let verifications: (() => void)[];
  let server: TestHttpServer;
  let socket: Socket;
  beforeEach(async () => {
    requests = [];
    verifications = [];
    server = await startTestHttpServer({
      concurrency: { total: 1, perActor: 1 },
      actorId: (request) => {
        if (request.headers.authorization !== undefined) return null;
        requests.push(request);
        return new Promise((resolve) => verifications.push(() => resolve(null)));
      },
    });
    socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  });
  afterEach(async () => {
    socket.destroy();
    await server.close();
  });

  const post = () => server.post(hello, { authorization: 'other' });
  const isClosed = (request: HttpRequest | FastifyRequest | undefined) =>
    request && ('raw' in request ? request.raw.destroyed : request.deadline.aborted);
  const requestsArrive = (count: number) => eventually(() => expect(requests).toHaveLength(count));

  it('ends the operation of a client that disconnects before the end of its body', async () => {
    socket.write(withoutEnd);
    await requestsArrive(1);
    verifications[0]?.();
    await eventually(async () => expectRefused(await post()));
    socket.destroy();
    await eventually(async () => expect((await post()).status).toBe(200));
  });

  it('ends the operation of a client that disconnects while its token is verified', async () => {
    socket.write(whole(hello));
    await requestsArrive(1);
    socket.destroy();
    await eventually(() => expect(isClosed(requests[0])).toBe(true));
    verifications[0]?.();
    await eventually(async () => expect((await post()).status).toBe(200));
  });

  it.each([
    ['without the end of its body', withoutEnd],
    ['with a malformed body', whole('no JSON')],
  ])('ends the operation of a request %s behind another one on a closed connection', async (_, second) => {
    socket.write(`${whole(hello)}${second}`);
    await requestsArrive(2);
    verifications[1]?.();
    if (second === withoutEnd) await eventually(async () => expectRefused(await post()));
    socket.destroy();
    await eventually(() => expect(isClosed(requests[0])).toBe(true));
    await eventually(async () => expect((await post()).status).toBe(200));
    // A second end would make room for two.
    verifications[0]?.();
    const waiting = server.post('{"query":"{wait(ms: 300)}"}', { authorization: 'other' });
    await eventually(async () => expectRefused(await post()));
    expect((await waiting).status).toBe(200);
  });
});
