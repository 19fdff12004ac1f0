import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { setImmediate as nextCheck } from 'node:timers/promises';
import { builtProgram } from '../testkit/built-checkout';
import { eventually } from '../testkit/eventually';
import { ask, askUntilRefused } from '../testkit/keep-alive-client';
import { freePort } from '../testkit/redis-server';
import { startTestHttpServer } from '../testkit/test-http-server';

const clientCount = 12;
const terminationCount = 20;

describe('draining the HTTP server', () => {
  it(`loses no request in flight in ${terminationCount} terminations under load`, async () => {
    const child: ChildProcess = fork(builtProgram('http-server-process'), { execArgv: [] });
    const lost: string[] = [];
    for (let round = 0; round < terminationCount; round += 1) {
      const [{ url }] = (await once(child, 'message')) as [{ url: string }];
      const clients = Array.from({ length: clientCount }, (_, client) => {
        const waitMs = (served: number) => (client * 7 + served * 3) % 40;
        return askUntilRefused(
          url,
          (served) => `{wait(ms: ${waitMs(served)})}`,
          ({ status, body }, served) => status === 200 && body === `{"data":{"wait":${waitMs(served)}}}\n`,
        );
      });
      const slow = ask(url, '{wait(ms: 250)}', new Agent());
      await ask(url, '{wait(ms: 60)}', new Agent());
      child.kill('SIGTERM');
      await once(child, 'message');
      const results = await Promise.all(clients);
      lost.push(...results.flatMap((result) => result.lost));
      for (const { served } of results) expect(served).toBeGreaterThan(1);
      expect(await slow).toMatchObject({ status: 200, body: '{"data":{"wait":250}}\n', connection: 'close' });
    }
    child.disconnect();
    expect(lost).toEqual([]);
  }, 90_000);

  it('responds 503 on /health/ready of both ports while it still serves requests', async () => {
    const managementPort = await freePort();
    const server = await startTestHttpServer({ managementPort });
    const urls = [`${server.url}/health/ready`, `http://127.0.0.1:${managementPort}/health/ready`];
    for (const url of urls) expect((await fetch(url)).status).toBe(200);
    const drained = server.http.drain({ delayMs: 200, idleGraceMs: 0 });
    const [served, ...ready] = await Promise.all([
      server.post('{"query":"{hello}"}'),
      ...urls.map((url) => fetch(url)),
    ]);
    const unavailable = [503, { status: 'unavailable', reason: 'shutting down' }];
    for (const response of ready) expect([response.status, await response.json()]).toEqual(unavailable);
    expect(await served.json()).toEqual({ data: { hello: 'world' } });
    await drained;
    for (const url of urls) await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  it('closes idle connections and connections without a request', async () => {
    const server = await startTestHttpServer();
    const { hostname: host, port } = new URL(server.url);
    const silent = connect(Number(port), host);
    await once(silent, 'connect');
    const agent = new Agent({ keepAlive: true });
    await ask(server.url, '{hello}', agent);
    const startedAt = performance.now();
    const closed = once(silent, 'close');
    silent.resume();
    await server.http.drain({ delayMs: 0, idleGraceMs: 50 });
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(1000);
    agent.destroy();
  });

  it('serves a request that arrived while the process was too busy to read it', async () => {
    const server = await startTestHttpServer();
    const { hostname: host, port } = new URL(server.url);
    const client = connect(Number(port), host);
    await once(client, 'connect');
    const body = '{"query":"{hello}"}';
    const request = `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const responses: string[] = [];
    client
      .on('data', (chunk) => responses.push(chunk.toString()))
      .on('error', (error) => responses.push(String(error)));
    client.write(request);
    await eventually(() => expect(responses.join('')).toContain('"hello"'));
    const closed = once(client, 'close');
    const drained = server.http.drain({ delayMs: 0, idleGraceMs: 50 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    responses.length = 0;
    // Timers run after this phase of the event loop, and reading only after them.
    await nextCheck();
    client.write(request);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    await Promise.all([drained, closed]);
    expect(responses.join('')).toContain('{"data":{"hello":"world"}}');
  });

  it('closes connections of requests that exceed the drain timeout', async () => {
    const server = await startTestHttpServer();
    const never = ask(server.url, '{never}', new Agent());
    never.catch(() => undefined);
    await eventually(() => expect(server.deadlines).toHaveLength(1));
    const startedAt = performance.now();
    await server.http.drain({ delayMs: 0, timeoutMs: 200 });
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(server.logLines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'warn', connections: 1 }),
    );
    await expect(never).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
