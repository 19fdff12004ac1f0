import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../testkit/app';
import { type JwksServer, startJwksServer } from '../testkit/jwks-server';
import { eventsOf } from '../testkit/stored-rows';
import { buildUser, createUser, mutate, tryMutation } from '../testkit/users';

let issuer: JwksServer;
let app: TestApp;
let staff: string;
beforeAll(async () => {
  issuer = await startJwksServer();
  const { jwksUrl, audience } = issuer;
  const authentication = { jwksUrl: jwksUrl.href, issuer: issuer.issuer, audience };
  app = await startTestApp({ config: { authentication } });
  staff = await issuer.issueToken('staff', 'users:read users:write users:privacy users:audit');
  // The test kit calls as staff with this token.
  Object.assign(app, { staff });
});
afterAll(async () => {
  await app.stop();
  await issuer.server.close();
});

const person = (sub: string, claims: object = {}, scope = '') =>
  issuer.issueToken(sub, scope, claims as Record<string, unknown>);
const create = (token: string, overrides: Record<string, unknown> = {}) =>
  mutate(app, 'createUser', buildUser(overrides), token);
const codesOf = async (token: string, overrides: Record<string, unknown> = {}) =>
  (await tryMutation(app, 'createUser', buildUser(overrides), token)).errors.map(
    ({ extensions }) => extensions.code,
  );

describe('createUser of a person', () => {
  it.each([
    ['without userId', () => ({})],
    ['with their sub', (sub: string) => ({ userId: sub })],
    ['with their sub in capitals', (sub: string) => ({ userId: ` ${sub.toUpperCase()} ` })],
    ['with null for what is not allowed', () => ({ userId: null, password: null, externalIds: null })],
  ])('makes their sub the id: %s', async (_, overrides) => {
    const sub = randomUUID();
    const token = await person(sub.toUpperCase());
    const { __typename, user } = await create(token, overrides(sub));
    expect([__typename, user]).toMatchObject([
      'CreateUserSuccess',
      {
        id: sub,
        status: 'ACTIVE',
        version: 1,
        emailVerification: { status: 'UNVERIFIED', verifiedAt: null },
        statusNotes: null,
      },
    ]);
    expect((await eventsOf(app, sub)).map(({ type }) => type)).toEqual(['UserCreated']);
    const [entry] = await app.sql('SELECT action, actor_id FROM audit_entries WHERE user_id = $1', [sub]);
    expect(entry).toEqual({ action: 'USER_CREATED', actor_id: sub });
    const { data } = await app.graphql('{ me { id } }', {}, { token });
    expect(data.me).toEqual({ id: sub });
  });

  it.each([
    ['the address of the token', true, 'Ada.%@Example.com', 'VERIFIED'],
    ['another address', true, 'other.%@example.com', 'UNVERIFIED'],
    ['an unverified address', false, 'ada.%@example.com', 'UNVERIFIED'],
    ['a verification that is no boolean', 'true', 'ada.%@example.com', 'UNVERIFIED'],
    ['no verification', undefined, 'ada.%@example.com', 'UNVERIFIED'],
  ])('has the verification of the token for %s', async (_, isVerified, email, status) => {
    const sub = randomUUID();
    const claims = { email: ` ada.${sub}@example.com`, email_verified: isVerified };
    const { user } = await create(await person(sub, claims), { email: email.replace('%', sub) });
    const verifiedAt = status === 'VERIFIED' ? user.createdAt : null;
    expect(user).toMatchObject({ version: 1, emailVerification: { status, verifiedAt } });
    expect((await eventsOf(app, sub)).map(({ type }) => type)).toEqual(['UserCreated']);
  });

  it('is FORBIDDEN for another id, a sub that is no UUID, a password, external ids and any users:* scope', async () => {
    const sub = randomUUID();
    const token = await person(sub);
    const forbidden = ['FORBIDDEN'];
    expect(await codesOf(token, { userId: randomUUID() })).toEqual(forbidden);
    expect(await codesOf(token, { userId: 'malformed' })).toEqual(forbidden);
    expect(await codesOf(token, { password: 'correct horse' })).toEqual(forbidden);
    expect(await codesOf(token, { externalIds: [{ system: 'crm', id: '1' }] })).toEqual(forbidden);
    expect(await codesOf(await person('service-account'))).toEqual(forbidden);
    expect(await codesOf(await person('service-account'), { userId: sub })).toEqual(forbidden);
    expect(await codesOf(await person('00000000-0000-0000-0000-000000000000'))).toEqual(forbidden);
    for (const scope of ['users:read', 'users:foo', 'users:privacy orders:read'])
      expect(await codesOf(await person(sub, {}, scope))).toEqual(forbidden);
    expect(await app.sql('SELECT 1 FROM users WHERE id = $1', [sub])).toEqual([]);
    expect((await create(await person(sub, {}, 'orders:read'))).user.id).toBe(sub);
  });

  it('leaves users:write as it is: a generated id, and no verification by their own address', async () => {
    const sub = randomUUID();
    const email = `staff.${sub}@example.com`;
    const token = await person(sub, { email, email_verified: true }, 'users:write');
    const { user } = await create(token, { email });
    expect(user.id).not.toBe(sub);
    expect(user.emailVerification.status).toBe('UNVERIFIED');
  });

  it('has one effect when it is repeated or concurrent', async () => {
    const sub = randomUUID();
    const token = await person(sub);
    const input = buildUser({ idempotencyKey: randomUUID() });
    const first = await mutate(app, 'createUser', input, token);
    expect(await mutate(app, 'createUser', { ...input, userId: sub }, token)).toEqual(first);
    expect(await create(token)).toMatchObject({ __typename: 'UserIdTakenError' });

    const other = await person(randomUUID());
    const results = await Promise.all(Array.from({ length: 10 }, () => create(other)));
    const types = results.map(({ __typename }) => __typename);
    expect(types.filter((type) => type === 'CreateUserSuccess')).toHaveLength(1);
    expect(types.filter((type) => type === 'UserIdTakenError')).toHaveLength(9);
  });

  it('returns UserIdTakenError after an erasure', async () => {
    const sub = randomUUID();
    const token = await person(sub);
    await create(token);
    await mutate(app, 'eraseUser', { userId: sub }, token);
    expect(await create(token)).toMatchObject({ __typename: 'UserIdTakenError' });
    expect(await create(token, { userId: sub })).toMatchObject({ __typename: 'UserIdTakenError' });
    expect(await app.sql('SELECT 1 FROM address_changes WHERE user_id = $1', [sub])).toEqual([]);
  });

  it('may try ten addresses of others an hour', async () => {
    const { email } = await createUser(app);
    const sub = randomUUID();
    const token = await person(sub);
    for (let tries = 0; tries < 10; tries += 1)
      expect(await create(token, { email })).toMatchObject({ __typename: 'EmailTakenError' });
    for (const overrides of [{ email }, {}]) {
      const { errors } = await tryMutation(app, 'createUser', buildUser(overrides), token);
      expect(errors).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'addressChanges' } }]);
    }
    expect(await create(await person(randomUUID()), { email })).toMatchObject({
      __typename: 'EmailTakenError',
    });
    await app.sql(
      `UPDATE address_changes SET tried_at = ARRAY(SELECT it - interval '61 minutes' FROM unnest(tried_at) AS it),
         changed_at = now() - interval '2 hours' WHERE user_id = $1`,
      [sub],
    );
    await create(token, { email });
    expect(
      await app.sql(
        `SELECT cardinality(tried_at) AS tries, changed_at > now() - interval '1 minute' AS fresh
         FROM address_changes WHERE user_id = $1`,
        [sub],
      ),
    ).toEqual([{ tries: 1, fresh: true }]);
    expect((await create(token)).user.id).toBe(sub);
  });

  it('may try ten addresses of others an hour, also concurrently', async () => {
    const { email } = await createUser(app);
    const sub = randomUUID();
    const token = await person(sub);
    const tryAll = () =>
      Promise.all(
        Array.from({ length: 20 }, async () => {
          const { data, errors } = await tryMutation(app, 'createUser', buildUser({ email }), token);
          return data?.createUser?.__typename ?? errors[0]?.extensions.limit;
        }),
      );
    const counts = (results: string[]) =>
      ['EmailTakenError', 'addressChanges'].map((it) => results.filter((result) => result === it).length);
    expect(counts(await tryAll())).toEqual([10, 10]);
    // One try is older than an hour.
    await app.sql(
      `UPDATE address_changes SET tried_at[1] = tried_at[1] - interval '61 minutes' WHERE user_id = $1`,
      [sub],
    );
    expect(counts(await tryAll())).toEqual([1, 19]);
  });

  it('uses no try when it succeeds, or fails for another reason than an address in use', async () => {
    const { email } = await createUser(app);
    const token = await person(randomUUID());
    for (let calls = 0; calls < 6; calls += 1)
      expect(await create(token, { firstName: '' })).toMatchObject({ __typename: 'InvalidInputError' });
    for (let tries = 0; tries < 9; tries += 1)
      expect(await create(token, { email })).toMatchObject({ __typename: 'EmailTakenError' });
    const input = buildUser({ idempotencyKey: randomUUID() });
    for (let calls = 0; calls < 3; calls += 1)
      expect(await mutate(app, 'createUser', input, token)).toMatchObject({
        __typename: 'CreateUserSuccess',
      });
    for (let calls = 0; calls < 3; calls += 1)
      expect(await create(token)).toMatchObject({ __typename: 'UserIdTakenError' });
  });

  it('counts an address that another user has as username, too', async () => {
    const { id } = await createUser(app);
    const taken = `${randomUUID()}@example.com`;
    // From before usernames had to be the own address.
    await app.sql('UPDATE users SET username = $2, username_normalized = $2 WHERE id = $1', [id, taken]);
    const token = await person(randomUUID());
    for (let tries = 0; tries < 10; tries += 1)
      expect(await create(token, { email: taken })).toMatchObject({ __typename: 'UsernameTakenError' });
    expect(await codesOf(token, { email: taken })).toEqual(['LIMIT_EXCEEDED']);
  });
});
