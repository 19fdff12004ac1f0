import { startTestApp, type TestApp } from '../testkit/app';
import { eventsOf } from '../testkit/stored-rows';
import { all, choicesOf, click, createSubscriber, oneClick, pathFor } from '../testkit/unsubscribe';
import { mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('a link in a mail', () => {
  it('is refused when it was changed, is another token of ours, or none at all', async () => {
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
        const answer = await click(app, `/unsubscribe/${bad}`, {
          method,
          body: method === 'GET' ? null : oneClick(),
        });
        expect([bad, method, answer.status]).toEqual([bad, method, 404]);
        expect(await answer.text()).toContain('This link is not valid.');
      }
    }
    expect(await choicesOf(app, id)).toEqual(all);
    expect(await choicesOf(app, other)).toEqual(all);
    // Nor does it open anything else.
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
    [400, 'nothing', { body: null }],
    [
      415,
      'JSON',
      { body: '{"List-Unsubscribe":"One-Click"}', headers: { 'content-type': 'application/json' } },
    ],
    [
      413,
      'far too much',
      { body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click', more: 'x'.repeat(5000) }) },
    ],
  ] as [number, string, RequestInit][])('answers %i to %s', async (status, _what, init) => {
    const id = await createSubscriber(app);
    const answer = await click(app, await pathFor(app, id, 'newsletter'), init);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await answer.text()).toContain('List-Unsubscribe=One-Click');
    expect(await choicesOf(app, id)).toEqual(all);
  });

  it('is refused for a while when it is followed more than ten times a minute; other links are not', async () => {
    const [id, other] = [await createSubscriber(app), await createSubscriber(app)];
    const [path, another] = [await pathFor(app, id, 'loyalty'), await pathFor(app, other, 'loyalty')];
    let heard = 0;
    let answer = await click(app, path);
    for (; answer.status === 200 && heard <= 20; heard += 1) answer = await click(app, path);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    // A minute that ended in between let ten more through.
    expect(heard).toBeGreaterThanOrEqual(10);
    expect(heard).toBeLessThanOrEqual(20);
    expect((await click(app, another)).status).toBe(200);
  });
});
