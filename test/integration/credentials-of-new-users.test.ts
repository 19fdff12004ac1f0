import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { openDatabase } from '../../src/data-source';
import { createLogger } from '../../src/telemetry/logger';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import { startAuthenticationService } from '../testkit/authentication-service';
import { eventually } from '../testkit/eventually';
import type { ProgrammableServer } from '../testkit/programmable-server';
import { createRetention } from '../testkit/retention';
import { countRows, eventsOf } from '../testkit/stored-rows';
import { buildUser, mutate } from '../testkit/users';

let authentication: ProgrammableServer;
let app: TestApp;
let replica: TestApp;
beforeAll(async () => {
  authentication = await startAuthenticationService();
  const config = { authenticationServiceUrl: authentication.url.href };
  app = await startTestApp({ config });
  replica = await startTestApp({ config, replicaOf: app });
});
afterAll(async () => {
  await replica.stop();
  await app.stop();
  await authentication.close();
});
afterEach(() => authentication.always({ status: 204 }));

const password = 'correct horse Σ battery';
const create = (input: Record<string, unknown>, on = app) => mutate(on, 'createUser', input);
const build = (overrides: object = {}) => {
  const key = randomUUID();
  return buildUser({ password, userId: randomUUID(), idempotencyKey: key, ...overrides });
};
const unavailable = { __typename: 'CredentialsUnavailableError', message: expect.any(String) };

async function read(id: unknown, on = app) {
  const query = 'query ($id: ID!) { user(id: $id) { id email status version statusChangedAt createdAt } }';
  return (await on.graphql(query, { id }, { token: app.staff })).data.user;
}

/** Creates a user whose password could not be sent to the AuthenticationService. */
async function createPending(overrides: object = {}) {
  authentication.always({ status: 400 });
  const input = build(overrides);
  expect(await create(input)).toEqual(unavailable);
  authentication.always({ status: 204 });
  return input;
}

describe('a new user with a password', () => {
  it('is ACTIVE at version 1 with UserCreated once the AuthenticationService accepts', async () => {
    const input = build();
    const { user } = await create(input);
    expect(user).toMatchObject({ id: input.userId, status: 'ACTIVE', version: 1 });
    const request = authentication.requests.at(-1);
    expect([request?.method, request?.path]).toEqual(['PUT', `/credentials/${String(input.userId)}`]);
    expect(JSON.parse(request?.body ?? '')).toEqual({ email: input.email, password });
    expect((await eventsOf(app, user.id)).map(({ type, version }) => [type, version])).toEqual([
      ['UserCreated', 1],
    ]);
    expect(await read(user.id, replica)).toMatchObject({ status: 'ACTIVE', version: 1 });
  });

  it('is audited as created once it is accepted, with every field', async () => {
    const { user } = await create(build());
    const usual = await mutate(app, 'createUser', buildUser());
    const changesOf = async (id: string) =>
      (await auditTrailOf(app, id)).filter(({ action }) => action !== 'USER_READ');
    const [created, ...more] = await changesOf(user.id);
    expect(more).toEqual([]);
    expect(created).toMatchObject({
      action: 'USER_CREATED',
      fields: (await changesOf(usual.user.id))[0]?.fields,
    });
    expect(created?.fields).toEqual(expect.arrayContaining(['email', 'firstName', 'status']));
  });

  it('is PENDING until then: not published and not changeable', async () => {
    const { userId } = await createPending();
    expect(await read(userId)).toMatchObject({ status: 'PENDING' });
    const before = await countRows(app);
    for (const mutation of ['updateUser', 'updateEmailPreferences', 'requestEmailVerification'])
      expect(await mutate(app, mutation, { userId })).toMatchObject({ __typename: 'UserNotActiveError' });
    for (const mutation of ['deactivateUser', 'reactivateUser'])
      expect(await mutate(app, mutation, { userId })).toMatchObject({ __typename: 'UserNotFoundError' });
    expect(await countRows(app)).toEqual(before);
    expect(await eventsOf(app, userId as string)).toEqual([]);
    expect(await app.sql('SELECT 1 FROM user_history WHERE user_id = $1', [userId])).toEqual([]);
  });

  it('is completed by a call with the same key, and by no other', async () => {
    const input = await createPending();
    expect(await create({ ...input, userId: randomUUID(), idempotencyKey: randomUUID() })).toMatchObject({
      __typename: 'EmailTakenError',
    });
    expect(await create({ ...input, idempotencyKey: randomUUID() })).toMatchObject({
      __typename: 'UserIdTakenError',
    });
    const { password: _, ...without } = input;
    expect(await create(without)).toMatchObject({ __typename: 'IdempotencyConflictError' });
    expect(await create({ ...input, firstName: 'Other' })).toMatchObject({
      __typename: 'IdempotencyConflictError',
    });
    expect(await read(input.userId)).toMatchObject({ status: 'PENDING' });

    const results = await Promise.all(
      Array.from({ length: 10 }, (_, n) => create(input, n % 2 ? app : replica)),
    );
    for (const result of results)
      expect(result).toMatchObject({ user: { id: input.userId, status: 'ACTIVE', version: 1 } });
    expect(await eventsOf(app, input.userId as string)).toHaveLength(1);
    const asked = authentication.requests.length;
    expect((await create(input)).user.version).toBe(1);
    expect(authentication.requests).toHaveLength(asked);
  });

  it('can get another password while PENDING', async () => {
    const input = await createPending();
    expect(await create({ ...input, password: 'another password' })).toMatchObject({
      user: { status: 'ACTIVE' },
    });
    expect(JSON.parse(authentication.requests.at(-1)?.body ?? '')).toMatchObject({
      password: 'another password',
    });
  });

  it('is unknown on every replica after a refusal, also when cached as PENDING', async () => {
    const input = await createPending();
    for (const on of [app, replica])
      expect(await read(input.userId, on)).toMatchObject({ status: 'PENDING' });
    authentication.always({ status: 422 });
    expect(await create(input)).toMatchObject({ __typename: 'InvalidInputError' });
    for (const on of [app, replica]) expect(await read(input.userId, on)).toBeNull();
  });

  it('leaves no row after a refusal, and its id, address and key are free immediately', async () => {
    const input = build();
    expect(await read(input.userId)).toBeNull();
    const before = await countRows(app);
    authentication.always({ status: 422, body: { reason: 'Known from a breach.' } });
    const refusal = {
      __typename: 'InvalidInputError',
      message: expect.any(String),
      fields: [{ path: 'password', code: 'REJECTED', message: 'Known from a breach.' }],
    };
    expect(await create(input)).toEqual(refusal);
    expect(await create(input, replica)).toEqual(refusal);
    expect(await Promise.all([create(input), create(input, replica), create(input)])).toEqual([
      refusal,
      refusal,
      refusal,
    ]);
    expect(await countRows(app)).toEqual(before);
    expect(await Promise.all([read(input.userId), read(input.userId, replica)])).toEqual([null, null]);

    authentication.always({ status: 204 });
    const { user } = await create({ ...input, password: 'a better one', firstName: 'Other' });
    expect(user).toMatchObject({ id: input.userId, email: input.email, status: 'ACTIVE', version: 1 });
    expect(await read(user.id, replica)).toMatchObject({ status: 'ACTIVE' });
  });

  it('remains when one of several concurrent calls is accepted', async () => {
    const input = await createPending();
    authentication.always(({ body }) => (body.includes('weak') ? { status: 422 } : { status: 204 }));
    const tries = Array.from({ length: 10 }, (_, n) =>
      create({ ...input, password: n % 2 ? 'weak password' : password }),
    );
    const results = await Promise.all(tries);
    const stays = (await read(input.userId)) !== null;
    const created = results.filter(({ __typename }) => __typename === 'CreateUserSuccess').length;
    // Every reported success is true.
    expect(created > 0).toBe(stays);
    expect(await eventsOf(app, input.userId as string)).toHaveLength(stays ? 1 : 0);
  });

  it('keeps its key when a call is refused after a concurrent one was accepted', async () => {
    const input = await createPending();
    const accepting = new Client({ connectionString: app.databaseUrl });
    await accepting.connect();
    try {
      await accepting.query('BEGIN');
      await accepting.query(`UPDATE users SET status = 'ACTIVE' WHERE id = $1`, [input.userId]);
      authentication.always({ status: 422 });
      const refused = create({ ...input, password: 'weak password' });
      await eventually(async () =>
        expect(
          await app.sql(
            `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
          ),
        ).toHaveLength(1),
      );
      await accepting.query('COMMIT');
      expect(await refused).toMatchObject({ __typename: 'InvalidInputError' });
    } finally {
      await accepting.end();
    }
    expect(await create(input)).toMatchObject({ user: { id: input.userId, status: 'ACTIVE' } });
  });

  it('is removed after a day, by retention or by a new user with its address', async () => {
    const [swept, overtaken, young] = [await createPending(), await createPending(), await createPending()];
    await app.sql(`UPDATE users SET created_at = created_at - interval '24 hours' WHERE id = ANY($1)`, [
      [swept.userId, overtaken.userId],
    ]);
    const { user } = await create({ ...overtaken, userId: randomUUID(), idempotencyKey: randomUUID() });
    expect(user.email).toBe(overtaken.email);
    expect(await read(overtaken.userId)).toBeNull();

    const log = createLogger({ level: 'silent' });
    const database = openDatabase(app.databaseUrl, log, 1);
    await database.connect();
    try {
      const retention = createRetention(database);
      expect(await retention.run()).toMatchObject({ pendingUsers: 1 });
      expect(await retention.run()).toMatchObject({ pendingUsers: 0 });
    } finally {
      await database.close();
    }
    expect(await read(swept.userId)).toBeNull();
    expect(await read(young.userId)).toMatchObject({ status: 'PENDING' });
    expect(await create(swept)).toMatchObject({ user: { id: swept.userId, version: 1 } });
  });

  it('is replaced after a day by a new user with its id, its username or an external id of it', async () => {
    const externalIds = [{ system: 'crm', id: randomUUID() }];
    const expired = [
      await createPending(),
      await createPending({ username: `name-${randomUUID()}` }),
      await createPending({ externalIds }),
    ] as const;
    const successors = [
      { userId: expired[0].userId },
      { username: String(expired[1]['username']).toUpperCase() },
      { externalIds },
    ];
    for (const successor of successors)
      expect((await create(buildUser(successor))).__typename).toMatch(/TakenError$/);
    const ids = expired.map(({ userId }) => userId);
    await app.sql(`UPDATE users SET created_at = created_at - interval '24 hours' WHERE id = ANY($1)`, [ids]);
    for (const successor of successors)
      expect(await create(buildUser(successor))).toMatchObject({ __typename: 'CreateUserSuccess' });
    expect(await app.sql(`SELECT 1 FROM users WHERE status = 'PENDING' AND id = ANY($1)`, [ids])).toEqual([]);
  });

  it('is NOT_AVAILABLE without an AuthenticationService', async () => {
    const alone = await startTestApp({ replicaOf: app });
    try {
      const before = await countRows(app);
      expect(await create(build(), alone)).toMatchObject({
        __typename: 'InvalidInputError',
        fields: [{ path: 'password', code: 'NOT_AVAILABLE' }],
      });
      expect(await countRows(app)).toEqual(before);
    } finally {
      await alone.stop();
    }
  });
});
