import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { send, startTestApp, type TestApp } from '../testkit/app';
import { mutate } from '../testkit/users';

let app: TestApp;
let proxy: Server;
/** The operations that the proxy received, by the root field. */
const received: { field: string; input: Record<string, unknown> }[] = [];

/**
 * Passes operations to the service. It breaks the connection after the first `createUser`, and changes the user before
 * the first `updateUser`.
 */
beforeAll(async () => {
  app = await startTestApp();
  proxy = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const { query, variables } = JSON.parse(body) as { query: string; variables: { input?: any } };
      const field = /\b(user|createUser|updateUser)\(/.exec(query)?.[1] ?? '';
      const isFirst = received.every((it) => it.field !== field);
      received.push({ field, input: variables.input ?? {} });
      if (field === 'updateUser' && isFirst)
        await mutate(app, 'updateUser', { userId: variables.input.userId, locale: 'en-GB' });
      const { status, data, errors } = await send(app.url, body, { token: app.staff });
      if (field === 'createUser' && isFirst) return void request.socket.destroy();
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ data, ...(errors.length > 0 && { errors }) }));
    })();
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
});

afterAll(async () => {
  proxy?.close();
  await app?.stop();
});

it('the client repeats a broken call with its key, and an update after a concurrent change', async () => {
  const { stdout } = await promisify(execFile)('npm', ['start', '--silent'], {
    cwd: resolve(__dirname, '../../examples/client'),
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      GRAPH_URL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/graphql`,
      GRAPH_TOKEN: app.staff,
    },
  });
  expect(stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^created client\.\d+@example\.com, version 1$/),
    'refused: Another user has this e-mail address.',
    expect.stringMatching(/^invalid: email \w+, lastName \w+$/),
    'updated to Ada 2, version 3',
    'read Ada 2',
    'there is no such user',
  ]);
  const keysOf = (field: string) => received.filter((it) => it.field === field).map(({ input }) => input);
  const [first, repeated] = keysOf('createUser');
  expect(repeated).toEqual(first);
  expect(keysOf('updateUser').map(({ expectedVersion }) => expectedVersion)).toEqual([1, 2]);
});
