import { type GraphQLResponse, send, startTestApp, type TestApp } from '../testkit/app';
import { type JwksServer, makeSigningKey, signClaims, startJwksServer } from '../testkit/jwks-server';
import { createUser } from '../testkit/users';

let app: TestApp;
let issuer: JwksServer;
let userId: string;
beforeAll(async () => {
  issuer = await startJwksServer();
  const { jwksUrl, audience } = issuer;
  const authentication = { jwksUrl: jwksUrl.href, issuer: issuer.issuer, audience };
  app = await startTestApp({ config: { authentication } });
  const staff = await issuer.issueToken('staff', 'users:write');
  userId = (await createUser({ ...app, staff })).id;
});
afterAll(async () => {
  await app.stop();
  await issuer.server.close();
});

const queries: Record<string, string> = {
  me: '{ me { id email } }',
  entities:
    '{ _entities(representations: [{ __typename: "User", id: "00000000-0000-4000-8000-000000000000" }]) { ... on User { id status } } }',
  service: '{ _service { sdl } }',
  typename: '{ __typename }',
  confirmEmail: 'mutation { confirmEmail(input: { token: "x" }) { __typename } }',
};
const now = () => Math.floor(Date.now() / 1_000);

async function ask(query: string, authorization?: string, headers: Record<string, string> = {}) {
  const { status, data, errors } = await send(
    app.url,
    { query },
    { headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) } },
  );
  return {
    status,
    data,
    codes: errors.map(({ extensions }: GraphQLResponse['errors'][number]) => extensions.code),
  };
}

const bad: [string, () => string | Promise<string>][] = [
  ['garbage', () => 'Bearer garbage'],
  ['three parts of garbage', () => 'Bearer a.b.c'],
  ['nothing after the scheme', () => 'Bearer '],
  ['an empty header', () => ''],
  ['another scheme', () => 'Basic YWRhOnNlY3JldA=='],
  ['a token without its scheme', () => issuer.issueToken(userId)],
  ['an expired token', async () => `Bearer ${await issuer.issueToken(userId, '', { exp: now() - 60 })}`],
  ['one that never expires', async () => `Bearer ${await issuer.issueToken(userId, '', { exp: undefined })}`],
  [
    'one that is not valid yet',
    async () => `Bearer ${await issuer.issueToken(userId, '', { nbf: now() + 600 })}`,
  ],
  [
    'another issuer',
    async () => `Bearer ${await issuer.issueToken(userId, '', { iss: 'https://elsewhere' })}`,
  ],
  ['no issuer', async () => `Bearer ${await issuer.issueToken(userId, '', { iss: undefined })}`],
  ['another audience', async () => `Bearer ${await issuer.issueToken(userId, '', { aud: 'order-service' })}`],
  ['no audience', async () => `Bearer ${await issuer.issueToken(userId, '', { aud: undefined })}`],
  ['no subject', async () => `Bearer ${await issuer.issueToken(userId, '', { sub: undefined })}`],
  [
    'scopes as a list',
    async () => `Bearer ${await issuer.issueToken(userId, '', { scope: ['users:write'] })}`,
  ],
  [
    'a key that is not published',
    async () => {
      const claims = { iss: issuer.issuer, aud: issuer.audience, sub: userId, exp: now() + 600 };
      return `Bearer ${await signClaims(await makeSigningKey(), claims)}`;
    },
  ],
  [
    'the development issuer, which is closed here',
    async () => `Bearer ${await app.token({ sub: userId, scope: 'users:write' })}`,
  ],
];

describe('an invalid bearer token', () => {
  it.each(bad)('makes every request UNAUTHENTICATED: %s', async (_what, make) => {
    const authorization = await make();
    for (const query of Object.values(queries)) {
      expect(await ask(query, authorization)).toEqual({
        status: 401,
        data: null,
        codes: ['UNAUTHENTICATED'],
      });
    }
  });

  it('prevents the effect of a mutation', async () => {
    const mutation = `mutation { updateUser(input: { userId: "${userId}", firstName: "Mallory" }) { __typename } }`;
    expect((await ask(mutation, 'Bearer a.b.c')).status).toBe(401);
    expect(await app.sql('SELECT first_name FROM users WHERE id = $1', [userId])).toEqual([
      { first_name: 'Ada' },
    ]);
  });
});

describe('the actor', () => {
  const claimed = () => ({
    'x-user-id': userId,
    'x-user': userId,
    'x-forwarded-user': userId,
    'x-scope': 'users:write',
    'x-scopes': 'users:write',
    'x-user-scopes': 'users:write',
    cookie: `user=${userId}`,
  });

  it('is not taken from headers', async () => {
    expect(await ask('{ me { id } }', undefined, claimed())).toMatchObject({
      status: 401,
      codes: ['UNAUTHENTICATED'],
    });
    const other = `Bearer ${await issuer.issueToken('018f0000-0000-7000-8000-000000000000')}`;
    expect(await ask(`{ user(id: "${userId}") { email } me { id } }`, other, claimed())).toEqual({
      status: 200,
      data: { user: { email: null }, me: null },
      codes: [],
    });
  });

  it('is the subject of the token', async () => {
    const token = await issuer.issueToken(userId.toUpperCase());
    expect(await ask('{ me { id } }', `Bearer ${token}`)).toEqual({
      status: 200,
      data: { me: { id: userId } },
      codes: [],
    });
  });
});

it('requests with a token are SERVICE_UNAVAILABLE without keys; anonymous ones succeed', async () => {
  issuer.server.always('reset');
  const { jwksUrl, audience } = issuer;
  const authentication = { jwksUrl: jwksUrl.href, issuer: issuer.issuer, audience };
  const keyless = await startTestApp({ replicaOf: app, config: { authentication } });
  try {
    const token = await issuer.issueToken(userId);
    for (const query of Object.values(queries)) {
      const { status, errors } = await send(keyless.url, { query }, { token });
      expect([status, errors.map(({ extensions }) => extensions.code)]).toEqual([
        503,
        ['SERVICE_UNAVAILABLE'],
      ]);
    }
    const anonymous = await send(keyless.url, { query: queries['entities'] });
    expect(anonymous).toMatchObject({
      status: 200,
      errors: [],
      data: { _entities: [{ status: 'UNKNOWN' }] },
    });
  } finally {
    await keyless.stop();
  }
});
