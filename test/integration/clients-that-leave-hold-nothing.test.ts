import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Tracing } from '../../src/telemetry/tracing';
import { eventually } from '../testkit/eventually';
import { startTestHttpServer, type TestHttpServer } from '../testkit/test-http-server';

const hello = '{"query":"{hello}"}';

describe('the HTTP server', () => {
  let server: TestHttpServer;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.close();
  });

  function connectToServer(): Socket {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    sockets.push(socket);
    return socket;
  }

  const post = (body: string, type = 'application/json', length = body.length) =>
    `POST /graphql HTTP/1.1\r\nhost: here\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n${body}`;

  // Only the first is offered as a prepared query.
  it.each(['application/json', 'application/json;charset=utf-8'])(
    'ends operations, deadlines and spans of pipelined requests as %s when their client disconnects',
    async (type) => {
      const spans = { started: 0, ended: 0 };
      const startSpan = () => {
        spans.started += 1;
        return {
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          end: () => void (spans.ended += 1),
        };
      };
      server = await startTestHttpServer({
        concurrency: { total: 2, perActor: 2 },
        readiness: () => new Promise(() => undefined),
        tracing: { startSpan } as unknown as Tracing,
      });
      const socket = connectToServer();
      const unfinished = post('{"query"', type, 100);
      socket.write(
        `GET /health/ready HTTP/1.1\r\nhost: here\r\n\r\n${post('{"query":"{never}"}', type)}${unfinished}`,
      );
      await eventually(() => expect(server.deadlines).toHaveLength(1));
      await eventually(async () => expect((await server.post(hello)).status).toBe(503));
      socket.destroy();
      // The work of `never` does not end, and its operation counts.
      await eventually(async () => expect((await server.post(hello)).status).toBe(200));
      await eventually(() => expect(server.deadlines[0]?.aborted).toBe(true));
      expect(spans.started).toBeGreaterThan(1);
      await eventually(() => expect(spans.ended).toBe(spans.started));
    },
  );

  it('closes only connections whose client stops reading, and counts their operations until then', async () => {
    const timeoutMs = 400;
    server = await startTestHttpServer({
      concurrency: { total: 1, perActor: 1 },
      stalledConnectionTimeoutMs: timeoutMs,
    });
    const idle = connectToServer();
    idle.write(post(hello));
    await once(idle, 'data');

    const large = post('{"query":"{text(length: 8000000)}"}').replace('host', 'connection: close\r\nhost');
    const stalled = connectToServer();
    stalled.write(large);
    await once(stalled, 'readable');
    expect((await server.post(hello)).status).toBe(503);
    await eventually(async () => expect((await server.post(hello)).status).toBe(200));
    expect(await bytesOf(stalled)).toBeLessThan(16_000_000);

    const slow = connectToServer();
    slow.write(large);
    const slowUntilMs = performance.now() + 3 * timeoutMs;
    const received = await bytesOf(slow, async () => {
      for (let others = 0; others < 3 && performance.now() < slowUntilMs; others += 1)
        await fetch(`${server.url}/health/live`);
    });
    expect(received).toBeGreaterThan(16_000_000);

    idle.write(post(hello));
    expect(String(await once(idle, 'data'))).toContain('HTTP/1.1 200 OK');
  });
});

/** Returns the number of bytes that the socket receives until it closes. Calls `pause` after each chunk. */
async function bytesOf(socket: Socket, pause = async () => {}): Promise<number> {
  let bytes = 0;
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      await pause();
    }
  } catch {
    // The server has reset the connection.
  }
  return bytes;
}
