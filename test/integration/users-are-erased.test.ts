import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { buildUser, createUser, mutate, tryMutation } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

let app: TestApp;
let officer: string;
let witness: Witness;

beforeAll(async () => {
  app = await startTestApp();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  witness = await startWitness(`${app.amqpPrefix}user.events`);
});
afterAll(async () => {
  await witness.close();
  await app.stop();
});

const erase = (userId: string, input: Record<string, unknown> = {}) =>
  mutate(app, 'eraseUser', { userId, ...input }, officer);

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

describe('an erased user', () => {
  let user: { id: string; email: string };
  let erasure: { id: string };

  beforeAll(async () => {
    user = await createUser(app, { displayName: 'Ada', username: 'ada-to-erase' });
    await app.graphql('query ($id: ID!) { user(id: $id) { id } }', { id: user.id }, { token: app.staff });
    ({ erasure } = await erase(user.id, { reason: 'asked for by letter' }));
  });

  it('is unknown in every query immediately', async () => {
    const response = await app.graphql(
      `query ($id: ID!, $email: String!, $r: [_Any!]!) {
        user(id: $id) { id } userByEmail(email: $email) { id } userEmailPreferences(userId: $id) { userId }
        users(filter: { search: $email }) { nodes { id } }
        _entities(representations: $r) { ... on User { id status displayName email history { nodes { id } } commerce { orderCount } } }
      }`,
      { id: user.id, email: user.email, r: [{ __typename: 'User', id: user.id }] },
      { token: app.staff },
    );
    expect(response.data).toEqual({
      user: null,
      userByEmail: null,
      userEmailPreferences: null,
      users: { nodes: [] },
      _entities: [
        { id: user.id, status: 'UNKNOWN', displayName: null, email: null, history: null, commerce: null },
      ],
    });
    expect(await mutate(app, 'updateUser', { userId: user.id, firstName: 'A' })).toMatchObject({
      __typename: 'UserNotFoundError',
    });
  });

  it('cannot be erased again', async () => {
    expect(await erase(user.id)).toMatchObject({ __typename: 'UserNotFoundError' });
    expect(await erase(user.id, { dryRun: true })).toMatchObject({ __typename: 'UserNotFoundError' });
  });

  it('releases its address and username, but not its id', async () => {
    for (const idempotencyKey of [null, 'again']) {
      const again = await mutate(app, 'createUser', buildUser({ userId: user.id, idempotencyKey }));
      expect(again).toMatchObject({ __typename: 'UserIdTakenError' });
    }
    const { email, id } = await createUser(app, { email: user.email, username: 'ada-to-erase' });
    expect({ email, isAnother: id !== user.id }).toEqual({ email: user.email, isAnother: true });
  });

  it('is published in one UserErased event with the last version', async () => {
    await eventually(() =>
      expect(witness.of(user.id).map(({ event }) => event.type)).toContain('UserErased'),
    );
    const { event, routingKey } = witness.of(user.id).at(-1) as (typeof witness.events)[number];
    expect({ routingKey, ...event }).toMatchObject({
      routingKey: 'user.erased',
      type: 'UserErased',
      sequence: '2'.padStart(20, '0'),
      dataschema: '/schemas/UserErased/1.0.0.json',
      data: { userId: user.id, erasedAt: event.time },
    });
    expect(Object.keys(event.data).sort()).toEqual(['erasedAt', 'userId']);
  });

  it('is readable by the id of its erasure', async () => {
    const read = () =>
      app.graphql(
        'query ($id: ID!) { erasure(id: $id) { userId status completedAt effects { store records } } }',
        { id: erasure.id },
        { token: officer },
      );
    // Redis may become available later than the app, and an erasure completes only after its tombstone.
    await eventually(async () =>
      expect((await read()).data.erasure).toMatchObject({
        userId: user.id,
        status: 'COMPLETED',
        completedAt: expect.any(String),
      }),
    );
    const unknown = await app.graphql(
      `{ one: erasure(id: "${randomUUID()}") { id } other: erasure(id: "none") { id } }`,
      {},
      { token: officer },
    );
    expect(unknown.data).toEqual({ one: null, other: null });
  });
});

it('eraseUser in a dry run returns the effects of the erasure and changes nothing', async () => {
  const { id: userId } = await createUser(app, {
    idempotencyKey: randomUUID(),
    phoneNumber: '+14155550100',
  });
  await mutate(app, 'updateEmailPreferences', { userId, newsletter: true, loyalty: true, source: 'form' });
  await mutate(app, 'requestEmailVerification', { userId });
  await mutate(app, 'requestPhoneVerification', { userId });
  const { erasure: plan } = await erase(userId, { dryRun: true });
  expect(plan).toMatchObject({ userId, status: 'PLANNED', completedAt: null });
  expect(plan.effects).toEqual([
    { store: 'audit_keys', records: 1 },
    { store: 'cache', records: 1 },
    { store: 'email_preference_decisions', records: 2 },
    { store: 'email_verification_tokens', records: 1 },
    { store: 'idempotency_keys', records: 1 },
    { store: 'outbox_events', records: 4 },
    { store: 'phone_verification_codes', records: 1 },
    { store: 'unseen_users', records: 1 },
    { store: 'user_history', records: 2 },
    { store: 'user_search', records: 3 },
    { store: 'users', records: 1 },
  ]);
  expect(await app.sql('SELECT 1 FROM users WHERE id = $1', [userId])).toHaveLength(1);
  expect(await app.sql('SELECT 1 FROM erasures WHERE user_id = $1', [userId])).toEqual([]);
  const { erasure } = await erase(userId);
  expect(erasure).toMatchObject({ status: 'COMPLETED', effects: plan.effects });
});

it('eraseUser by a replica whose clock is behind has a time after the last change of the user', async () => {
  const { id: userId } = await createUser(app);
  await app.sql(`UPDATE users SET updated_at = now() + interval '1 hour' WHERE id = $1`, [userId]);
  const [row] = await app.sql<{ at: Date }>('SELECT updated_at AS at FROM users WHERE id = $1', [userId]);
  await erase(userId);
  const [erased] = await app.sql<{ at: Date }>(
    'SELECT erased_at AS at FROM erased_users WHERE user_id = $1',
    [userId],
  );
  expect(erased?.at.getTime()).toBeGreaterThan(row?.at.getTime() ?? Number.NaN);
  await eventually(() =>
    expect(witness.of(userId).at(-1)?.event).toMatchObject({
      type: 'UserErased',
      time: erased?.at.toISOString(),
    }),
  );
});

it('eraseUser deletes the idempotency keys of the user in every spelling of the id', async () => {
  const { id: userId } = await createUser(app);
  const { id: another } = await createUser(app);
  const keys = () => app.sql('SELECT 1 FROM idempotency_keys WHERE lower(actor_id) = $1', [userId]);
  for (const sub of [userId, userId.toUpperCase()]) {
    const token = await app.token({ sub, scope: 'users:write' });
    const input = { userId: another, firstName: 'Once', idempotencyKey: 'in any spelling' };
    expect(await mutate(app, 'updateUser', input, token)).toMatchObject({ user: { version: 2 } });
  }
  expect(await keys()).toHaveLength(1);
  await mutate(
    app,
    'updateUser',
    { userId: another, lastName: 'Twice', idempotencyKey: 'in capitals only' },
    await app.token({ sub: userId.toUpperCase(), scope: 'users:write' }),
  );
  expect(await keys()).toHaveLength(2);
  expect(await erase(userId)).toMatchObject({ erasure: { status: 'COMPLETED' } });
  expect(await keys()).toEqual([]);
});

describe('a legal hold', () => {
  it('makes eraseUser return LegalHoldError with heldSince until it is released', async () => {
    const { id: userId } = await createUser(app);
    const hold = (mutation: string) => mutate(app, mutation, { userId, reason: 'a dispute' }, officer);
    expect(await hold('placeLegalHold')).toMatchObject({
      __typename: 'PlaceLegalHoldSuccess',
      user: { id: userId },
    });
    const refused = await erase(userId);
    expect(refused).toMatchObject({ __typename: 'LegalHoldError', heldSince: expect.any(String) });
    expect(await hold('placeLegalHold')).toMatchObject({ __typename: 'PlaceLegalHoldSuccess' });
    expect(await erase(userId, { dryRun: true })).toEqual(refused);
    await hold('releaseLegalHold');
    expect(await hold('releaseLegalHold')).toMatchObject({ __typename: 'ReleaseLegalHoldSuccess' });
    expect(await erase(userId)).toMatchObject({ __typename: 'EraseUserSuccess' });
    expect(await hold('placeLegalHold')).toMatchObject({ __typename: 'UserNotFoundError' });
  });

  it('cannot be placed on a PENDING user', async () => {
    const { id: userId } = await createUser(app);
    await app.sql(`UPDATE users SET status = 'PENDING' WHERE id = $1`, [userId]);
    expect(await mutate(app, 'placeLegalHold', { userId, reason: 'a dispute' }, officer)).toMatchObject({
      __typename: 'UserNotFoundError',
    });
    expect(await app.sql('SELECT 1 FROM legal_holds WHERE user_id = $1', [userId])).toEqual([]);
  });

  it('requires a reason', async () => {
    const { id: userId } = await createUser(app);
    expect(await mutate(app, 'placeLegalHold', { userId, reason: ' ' }, officer)).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: 'reason', code: 'REQUIRED' }],
    });
  });
});

describe('eraseUser by the user', () => {
  it('does not say in a dry run that there is a legal hold', async () => {
    const [{ id: held }, { id: free }] = [await createUser(app), await createUser(app)];
    await mutate(app, 'placeLegalHold', { userId: held, reason: 'a dispute' }, officer);
    const plan = async (userId: string) => {
      const own = await app.token({ sub: userId });
      const { __typename, erasure } = await mutate(app, 'eraseUser', { userId, dryRun: true }, own);
      return { __typename, status: erasure.status, effects: erasure.effects };
    };
    const planned = await plan(held);
    expect(planned).toMatchObject({ __typename: 'EraseUserSuccess', status: 'PLANNED' });
    // The audit trail of the held user has an entry more, which no erasure deletes.
    expect(planned).toEqual(await plan(free));
    expect(await erase(held, { dryRun: true })).toMatchObject({ __typename: 'LegalHoldError' });
  });

  it('returns FORBIDDEN if the sign-in was more than 10 minutes ago', async () => {
    const { id: userId } = await createUser(app);
    const token = await app.token({ sub: userId, authTime: minutesAgo(10 + 1 / 60) });
    const { data, errors } = await tryMutation(app, 'eraseUser', { userId }, token);
    expect(data).toEqual({ eraseUser: null });
    expect(errors).toMatchObject([{ path: ['eraseUser'], extensions: { code: 'FORBIDDEN' } }]);
    expect(await app.sql('SELECT 1 FROM users WHERE id = $1', [userId])).toHaveLength(1);
  });

  it('succeeds if the sign-in was 9 minutes ago', async () => {
    const { id: userId } = await createUser(app);
    const token = await app.token({ sub: userId, authTime: minutesAgo(9) });
    const result = await mutate(app, 'eraseUser', { userId }, token);
    expect(result).toMatchObject({ __typename: 'EraseUserSuccess', erasure: { status: 'COMPLETED' } });
  });
});
