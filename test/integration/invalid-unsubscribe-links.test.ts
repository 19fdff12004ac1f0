import { RequestTimeoutError } from '../../src/http/deadline';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventsOf } from '../testkit/stored-rows';
import { startTestHttpServer } from '../testkit/test-http-server';
import { all, choicesOf, click, createSubscriber, oneClick, pathFor } from '../testkit/unsubscribe';
import { mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('an unsubscribe link', () => {
  it('responds 404 and changes nothing if its token is forged, of another kind or not a token', async () => {
    const id = await createSubscriber(app);
    const other = await createSubscriber(app);
    const token = (await pathFor(app, id, 'newsletter')).replace('/unsubscribe/', '');
    const [header, claims, signature] = token.split('.') as [string, string, string];
    const forge = (part: string, change: object) =>
      Buffer.from(
        JSON.stringify({ ...JSON.parse(Buffer.from(part, 'base64url').toString()), ...change }),
      ).toString('base64url');
    await mutate(app, 'requestEmailVerification', { userId: id });
    const confirmation = (await eventsOf(app, id)).at(-1)?.data['token'] as string;
    for (const bad of [
      'x',
      `${header}.${claims}`,
      `${header}.${claims}.`,
      `${header}.${claims}.${signature.replace(/^./, (it) => (it === 'A' ? 'B' : 'A'))}`,
      `${header}.${forge(claims, { sub: other })}.${signature}`,
      `${header}.${forge(claims, { topic: 'marketing' })}.${signature}`,
      `${forge(header, { kid: '2' })}.${claims}.${signature}`,
      `${forge(header, { kid: '1 OR 1' })}.${claims}.${signature}`,
      `${forge(header, { alg: 'none' })}.${claims}.`,
      confirmation,
      app.staff,
    ]) {
      for (const method of ['GET', 'POST']) {
        const response = await click(app, `/unsubscribe/${bad}`, {
          method,
          body: method === 'GET' ? null : oneClick(),
        });
        expect([bad, method, response.status]).toEqual([bad, method, 404]);
        expect(await response.text()).toContain('This link is not valid.');
      }
    }
    expect(await choicesOf(app, id)).toEqual(all);
    expect(await choicesOf(app, other)).toEqual(all);
    // The token is no access token and no verification token.
    expect((await app.graphql('{ me { id } }', {}, { token })).status).toBe(401);
    expect(await mutate(app, 'confirmEmail', { token }, null)).toMatchObject({
      __typename: 'InvalidTokenError',
    });
  });

  it.each([
    [400, 'another value', { body: new URLSearchParams({ 'List-Unsubscribe': 'Two-Clicks' }) }],
    [400, 'another field', { body: new URLSearchParams({ unsubscribe: 'One-Click' }) }],
    [
      400,
      'a broken form',
      { body: 'no form', headers: { 'content-type': 'multipart/form-data; boundary=x' } },
    ],
    [
      415,
      'JSON',
      { body: '{"List-Unsubscribe":"One-Click"}', headers: { 'content-type': 'application/json' } },
    ],
    [
      413,
      'a body of 5 kB',
      { body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click', more: 'x'.repeat(5000) }) },
    ],
  ] as [number, string, RequestInit][])(
    'responds %i to %s and changes nothing',
    async (status, _what, init) => {
      const id = await createSubscriber(app);
      const response = await click(app, await pathFor(app, id, 'newsletter'), init);
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(await response.text()).toContain('List-Unsubscribe=One-Click');
      expect(await choicesOf(app, id)).toEqual(all);
    },
  );

  it.each([
    ['no body', { body: null }],
    ['plain text', { body: 'List-Unsubscribe=One-Click' }],
    ['an empty body of JSON', { body: '', headers: { 'content-type': 'application/json' } }],
    ['an empty body of any bytes', { body: '', headers: { 'content-type': 'application/octet-stream' } }],
    ['text whose type is in capitals', { body: 'unsubscribe', headers: { 'content-type': 'TEXT/PLAIN' } }],
    ['other text', { body: 'unsubscribe', headers: { 'content-type': 'text/plain; charset=us-ascii' } }],
  ] as [string, RequestInit][])('unsubscribes for a POST with %s', async (_what, init) => {
    const id = await createSubscriber(app);
    expect((await click(app, await pathFor(app, id, 'newsletter'), init)).status).toBe(200);
    expect(await choicesOf(app, id)).toEqual({ ...all, newsletter: false });
  });

  it('responds 429 after more than ten requests in a minute, while other links respond 200', async () => {
    const [id, other] = [await createSubscriber(app), await createSubscriber(app)];
    const path = await pathFor(app, id, 'loyalty');
    let accepted = 0;
    let response = await click(app, path);
    for (; response.status === 200 && accepted <= 20; accepted += 1) response = await click(app, path);
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    // If the minute of the limit ended in between, ten more are accepted.
    expect(accepted).toBeGreaterThanOrEqual(10);
    expect(accepted).toBeLessThanOrEqual(20);
    for (const another of [await pathFor(app, id, 'newsletter'), await pathFor(app, other, 'loyalty')])
      expect((await click(app, another)).status).toBe(200);
  });
});

it('an unsubscribe link that is refused with 429 has no effect', async () => {
  let followed = 0;
  const links = {
    read: async () => ({ userId: 'ada', topic: 'newsletter' as const }),
    follow: async () => void (followed += 1),
  };
  const server = await startTestHttpServer({ unsubscribe: { links, isUnavailable: () => false } });
  const statuses: number[] = [];
  for (let use = 0; use < 25; use += 1) {
    const response = await fetch(`${server.url}/unsubscribe/token`, { method: 'POST', body: oneClick() });
    statuses.push(response.status);
  }
  await server.close();
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  expect(followed).toBe(statuses.filter((status) => status === 200).length);
});

it.each([
  [503, '60', 'PostgreSQL is unavailable', new Error('connect ECONNREFUSED'), true],
  [503, '60', 'unsubscribing takes too long', new RequestTimeoutError(4_000), false],
  [500, null, 'unsubscribing fails', new Error('broken'), false],
] as const)(
  'an unsubscribe link responds %i with retry-after %s while %s',
  async (status, retryAfter, _, failure, away) => {
    const failing = () => Promise.reject(failure);
    const links = { read: async () => ({ userId: 'ada', topic: 'newsletter' as const }), follow: failing };
    const server = await startTestHttpServer({
      unsubscribe: { links, isUnavailable: (error) => away && error === failure },
    });
    try {
      const response = await fetch(`${server.url}/unsubscribe/token`, { method: 'POST', body: oneClick() });
      expect([response.status, response.headers.get('retry-after')]).toEqual([status, retryAfter]);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(await response.text()).toContain('Unsubscribing failed. Please try again later.');
      expect(server.logLines.map((line) => JSON.parse(line))).toContainEqual(
        expect.objectContaining({ level: status === 503 ? 'warn' : 'error', msg: 'unsubscribing failed' }),
      );
    } finally {
      await server.close();
    }
  },
);
