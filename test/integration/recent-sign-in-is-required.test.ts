import { loadConfig } from '../../src/config';
import { startTestApp, type TestApp } from '../testkit/app';
import { type JwksServer, startJwksServer } from '../testkit/jwks-server';
import { buildUser, createUser, tryMutation } from '../testkit/users';

let app: TestApp;
let issuer: JwksServer;
beforeAll(async () => {
  issuer = await startJwksServer();
  const { jwksUrl, audience } = issuer;
  const authentication = { jwksUrl: jwksUrl.href, issuer: issuer.issuer, audience };
  const { recentSignInFor } = loadConfig({ RECENT_SIGN_IN_FOR: 'erase, export,email' });
  const started = await startTestApp({ config: { authentication, recentSignInFor } });
  app = { ...started, staff: await issuer.issueToken('staff', 'users:write users:privacy') };
});
afterAll(async () => {
  await app.stop();
  await issuer.server.close();
});

const minutesAgo = (minutes: number) => Math.floor(Date.now() / 1_000) - minutes * 60;
const required = { code: 'FORBIDDEN', reason: 'RECENT_SIGN_IN_REQUIRED' };
const address = () => buildUser().email;

const sensitive: [string, () => object][] = [
  ['eraseUser', () => ({})],
  ['eraseUser', () => ({ reason: 'x' })],
  ['exportUserData', () => ({})],
  ['updateUser', () => ({ email: address() })],
  ['updateUser', () => ({ email: address(), firstName: 'Augusta' })],
];
const harmless: [string, () => object][] = [
  ['eraseUser', () => ({ dryRun: true })],
  ['updateUser', () => ({ firstName: 'Augusta' })],
  ['updateEmailPreferences', () => ({ marketing: true })],
];

it.each([
  ['without auth_time', undefined],
  ['ten minutes and six seconds after the sign-in', 10.1],
])('%s, users can only do what is not sensitive', async (_, minutes) => {
  const { id: userId } = await createUser(app);
  const claims = { auth_time: minutes === undefined ? undefined : minutesAgo(minutes) };
  for (const scope of ['', 'users:write users:privacy']) {
    const own = await issuer.issueToken(userId, scope, claims);
    for (const [mutation, input] of sensitive) {
      const { errors, data } = await tryMutation(app, mutation, { userId, ...input() }, own);
      expect(errors).toMatchObject([{ path: [mutation], extensions: required }]);
      expect(data).toEqual({ [mutation]: null });
    }
    for (const [mutation, input] of harmless)
      expect((await tryMutation(app, mutation, { userId, ...input() }, own)).errors).toEqual([]);
  }
});

it('nine minutes and 45 seconds after the sign-in, users can do all of it', async () => {
  const { id: userId } = await createUser(app);
  const own = await issuer.issueToken(userId, '', { auth_time: minutesAgo(9.75) });
  for (const [mutation, input] of sensitive.slice(2))
    expect((await tryMutation(app, mutation, { userId, ...input() }, own)).errors).toEqual([]);
  expect((await tryMutation(app, 'eraseUser', { userId }, own)).errors).toEqual([]);
});

it('staff need no recent sign-in for other users', async () => {
  const { id: userId } = await createUser(app);
  const staff = await issuer.issueToken('staff', 'users:write users:privacy', { auth_time: undefined });
  for (const [mutation, input] of sensitive.slice(2).concat(sensitive.slice(0, 1)))
    expect((await tryMutation(app, mutation, { userId, ...input() }, staff)).errors).toEqual([]);
});

describe('RECENT_SIGN_IN_FOR', () => {
  it.each([
    [{}, ['erase']],
    [{ RECENT_SIGN_IN_FOR: '' }, ['erase']],
    [{ RECENT_SIGN_IN_FOR: 'email' }, ['email']],
    [{ RECENT_SIGN_IN_FOR: ' export ,erase,export' }, ['export', 'erase']],
  ])('%j requires it for %j', (env, expected) => {
    expect([...loadConfig(env).recentSignInFor]).toEqual(expected);
  });

  it.each(['erase;export', 'everything', 'erase,', 'Erase'])('refuses %j', (text) => {
    expect(() => loadConfig({ RECENT_SIGN_IN_FOR: text })).toThrow(
      'RECENT_SIGN_IN_FOR must be a comma-separated list of erase, export and email',
    );
  });
});
