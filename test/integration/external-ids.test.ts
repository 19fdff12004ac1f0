import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventsOf } from '../testkit/stored-rows';
import { buildUser, createUser, mutate, tryMutation } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const newExternalId = () => `C-${randomUUID()}`;
const set = (userId: string, system: string, id: string, more: object = {}) =>
  mutate(app, 'setExternalId', { userId, system, id, ...more });
const remove = (userId: string, system: string, more: object = {}) =>
  mutate(app, 'removeExternalId', { userId, system, ...more });

async function find(system: string, id: string): Promise<string | null> {
  const query = 'query ($s: String!, $i: String!) { userByExternalId(system: $s, id: $i) { id } }';
  const { data, errors } = await app.graphql(query, { s: system, i: id }, { token: app.staff });
  expect(errors).toEqual([]);
  return data.userByExternalId?.id ?? null;
}

/** The ids as the next request reads them, from the cache. */
async function read(userId: string): Promise<unknown> {
  const query = 'query ($id: ID!) { user(id: $id) { externalIds { system id } } }';
  const { data } = await app.graphql(query, { id: userId }, { token: app.staff });
  return data.user.externalIds;
}

describe('setExternalId', () => {
  it('sets, replaces and repeats ids ordered by system, with one version and event for each change', async () => {
    const { id: userId } = await createUser(app);
    const [first, second, other] = [newExternalId(), newExternalId(), newExternalId()];
    expect(await set(userId, 'shop-2', other)).toMatchObject({
      __typename: 'SetExternalIdSuccess',
      user: { version: 2, externalIds: [{ system: 'shop-2', id: other }] },
    });
    await set(userId, 'crm', first);
    expect(await read(userId)).toEqual([
      { system: 'crm', id: first },
      { system: 'shop-2', id: other },
    ]);
    const replaced = [
      { system: 'crm', id: second },
      { system: 'shop-2', id: other },
    ];
    expect(await set(userId, 'crm', second)).toMatchObject({ user: { version: 4, externalIds: replaced } });
    expect(await set(userId, 'crm', second)).toMatchObject({ user: { version: 4, externalIds: replaced } });
    expect(await read(userId)).toEqual(replaced);
    expect([await find('crm', first), await find('crm', second)]).toEqual([null, userId]);
    const events = (await eventsOf(app, userId)).filter(({ type }) => type === 'UserUpdated');
    expect(events.map(({ data }) => data.changedFields)).toEqual([
      ['externalIds'],
      ['externalIds'],
      ['externalIds'],
    ]);
  });

  it('compares ids exactly, without trimming them', async () => {
    const { id: userId } = await createUser(app);
    const { id: otherId } = await createUser(app);
    const id = newExternalId();
    for (const [owner, text] of [
      [userId, ` ${id}`],
      [otherId, id],
    ] as const)
      expect(await set(owner, 'crm', text)).toMatchObject({ __typename: 'SetExternalIdSuccess' });
    expect(await find('crm', ` ${id}`)).toBe(userId);
    expect(await find('crm', id)).toBe(otherId);
    expect(await find('crm', id.toLowerCase())).toBeNull();
    expect(await find('erp', id)).toBeNull();
    expect(await find('not a system', id)).toBeNull();
    expect(await find('crm', 'a\u0000b')).toBeNull();
  });

  it('returns ExternalIdTakenError for an id of another user, and gives one of 20 concurrent callers the id', async () => {
    const users = await Promise.all(Array.from({ length: 20 }, () => createUser(app)));
    const id = newExternalId();
    const results = await Promise.all(users.map((user) => set(user.id, 'crm', id)));
    const types = results.map(({ __typename }) => __typename);
    expect(types.filter((type) => type === 'SetExternalIdSuccess')).toHaveLength(1);
    expect(types.filter((type) => type === 'ExternalIdTakenError')).toHaveLength(19);
    const owner = users[types.indexOf('SetExternalIdSuccess')]?.id;
    expect(await find('crm', id)).toBe(owner);
    const loser = users.find((user) => user.id !== owner)?.id as string;
    const key = randomUUID();
    for (let call = 0; call < 2; call += 1)
      expect(await set(loser, 'crm', id, { idempotencyKey: key })).toEqual({
        __typename: 'ExternalIdTakenError',
        message: expect.any(String),
      });
    await remove(owner as string, 'crm');
    expect(await set(loser, 'crm', id)).toMatchObject({ user: { version: 2 } });
  });

  it('checks expectedVersion before anything else, also without a change', async () => {
    const { id: userId } = await createUser(app);
    const id = newExternalId();
    const conflict = { __typename: 'VersionConflictError', currentVersion: 1 };
    expect(await set(userId, 'No System', '', { expectedVersion: 7 })).toMatchObject(conflict);
    expect(await remove(userId, 'crm', { expectedVersion: 2 })).toMatchObject(conflict);
    expect(await set(userId, 'crm', id, { expectedVersion: 1 })).toMatchObject({ user: { version: 2 } });
    expect(await set(userId, 'crm', id, { expectedVersion: 1 })).toMatchObject({ currentVersion: 2 });
    expect(await set(randomUUID(), 'crm', id, { expectedVersion: 1 })).toMatchObject({
      __typename: 'UserNotFoundError',
    });
    expect(await set('malformed', 'crm', id)).toMatchObject({ __typename: 'UserNotFoundError' });
  });

  it.each([
    ['CRM', 'a', 'system', 'INVALID_FORMAT'],
    ['-crm', 'a', 'system', 'INVALID_FORMAT'],
    ['', 'a', 'system', 'INVALID_FORMAT'],
    ['x'.repeat(51), 'a', 'system', 'INVALID_FORMAT'],
    ['crm\n', 'a', 'system', 'INVALID_FORMAT'],
    ['crm', '', 'id', 'REQUIRED'],
    ['crm', ' \u3000', 'id', 'REQUIRED'],
    ['crm', 'a\tb', 'id', 'CONTROL_CHARACTERS'],
    ['crm', 'a\u0000', 'id', 'CONTROL_CHARACTERS'],
    ['crm', '\ud83d', 'id', 'CONTROL_CHARACTERS'],
    ['crm', '\ud83d\ude00'.repeat(201), 'id', 'TOO_LONG'],
  ])('refuses an invalid system or id (case %#)', async (system, id, path, code) => {
    const { id: userId } = await createUser(app);
    expect(await set(userId, system, id)).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path, code }],
    });
    expect(await read(userId)).toEqual([]);
  });

  it('accepts the longest id and system, and at most 20 systems', async () => {
    const { id: userId } = await createUser(app);
    expect(await set(userId, 'x'.repeat(50), '\ud83d\ude00'.repeat(200))).toMatchObject({
      user: { version: 2 },
    });
    for (let at = 1; at < 20; at += 1) await set(userId, `system-${at}`, newExternalId());
    expect(await set(userId, 'one-more', newExternalId())).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: 'system', code: 'TOO_LONG' }],
    });
    expect(await set(userId, 'system-1', newExternalId())).toMatchObject({ user: { version: 22 } });
  });

  it('changes deactivated accounts, and knows no PENDING ones', async () => {
    const { id: userId } = await createUser(app);
    await mutate(app, 'deactivateUser', { userId, reason: 'SECURITY_VIOLATION' });
    expect(await set(userId, 'crm', newExternalId())).toMatchObject({
      user: { status: 'DEACTIVATED', version: 3 },
    });
    await app.sql(`UPDATE users SET status = 'PENDING' WHERE id = $1`, [userId]);
    expect(await set(userId, 'erp', newExternalId())).toMatchObject({ __typename: 'UserNotFoundError' });
  });
});

describe('removeExternalId', () => {
  it('removes an id and frees it, and succeeds without a change when there is none', async () => {
    const { id: userId } = await createUser(app);
    const id = newExternalId();
    await set(userId, 'crm', id);
    expect(await remove(userId, 'erp')).toMatchObject({
      __typename: 'RemoveExternalIdSuccess',
      user: { version: 2 },
    });
    const key = randomUUID();
    for (let call = 0; call < 2; call += 1)
      expect(await remove(userId, 'crm', { idempotencyKey: key })).toMatchObject({
        user: { version: 3, externalIds: [] },
      });
    expect(await remove(userId, 'crm')).toMatchObject({ user: { version: 3 } });
    expect(await read(userId)).toEqual([]);
    expect(await find('crm', id)).toBeNull();
    expect(await remove(userId, 'No System')).toMatchObject({ fields: [{ path: 'system' }] });
  });
});

describe('createUser', () => {
  it('takes external ids, and returns them ordered by system', async () => {
    const [one, two] = [newExternalId(), newExternalId()];
    const user = await createUser(app, {
      externalIds: [
        { system: 'shop', id: one },
        { system: 'crm', id: two },
      ],
    });
    const externalIds = [
      { system: 'crm', id: two },
      { system: 'shop', id: one },
    ];
    expect(user).toMatchObject({ version: 1, externalIds });
    expect(await read(user.id)).toEqual(externalIds);
    expect(await find('shop', one)).toBe(user.id);
  });

  it('returns ExternalIdTakenError and creates no user', async () => {
    const id = newExternalId();
    const { id: holder } = await createUser(app, { externalIds: [{ system: 'crm', id }] });
    const input = buildUser({ externalIds: [{ system: 'crm', id }], idempotencyKey: randomUUID() });
    for (let call = 0; call < 2; call += 1)
      expect(await mutate(app, 'createUser', input)).toMatchObject({ __typename: 'ExternalIdTakenError' });
    expect(await app.sql('SELECT 1 FROM users WHERE email = $1', [input.email])).toEqual([]);
    // A taken address is reported first.
    const { email } = await createUser(app);
    expect(await mutate(app, 'createUser', { ...input, email, idempotencyKey: null })).toMatchObject({
      __typename: 'EmailTakenError',
    });
    // An expired PENDING user does not hold its ids.
    await app.sql(
      `UPDATE users SET status = 'PENDING', created_at = now() - interval '25 hours' WHERE id = $1`,
      [holder],
    );
    expect(await mutate(app, 'createUser', { ...input, idempotencyKey: null })).toMatchObject({
      __typename: 'CreateUserSuccess',
    });
  });

  it('names the entry of each problem', async () => {
    const externalIds = [
      { system: 'crm', id: newExternalId() },
      { system: 'crm', id: newExternalId() },
      { system: 'A', id: 'a\u0007' },
    ];
    const result = await mutate(app, 'createUser', buildUser({ externalIds }));
    expect(result.fields.map(({ path, code }: Record<string, string>) => `${path} ${code}`)).toEqual([
      'externalIds.1.system INVALID_FORMAT',
      'externalIds.2.system INVALID_FORMAT',
      'externalIds.2.id CONTROL_CHARACTERS',
    ]);
    const many = (length: number) =>
      Array.from({ length }, (_, at) => ({ system: `system-${at}`, id: newExternalId() }));
    expect(await mutate(app, 'createUser', buildUser({ externalIds: many(21) }))).toMatchObject({
      fields: [{ path: 'externalIds', code: 'TOO_LONG' }],
    });
    expect((await createUser(app, { externalIds: many(20) })).externalIds).toHaveLength(20);
    expect((await createUser(app, { externalIds: [] })).externalIds).toEqual([]);
  });
});

it('eraseUser frees the external ids', async () => {
  const id = newExternalId();
  const { id: userId } = await createUser(app, { externalIds: [{ system: 'crm', id }] });
  const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  const { erasure } = await mutate(app, 'eraseUser', { userId, dryRun: true }, officer);
  expect(erasure.effects).toContainEqual({ store: 'external_ids', records: 1 });
  await mutate(app, 'eraseUser', { userId }, officer);
  expect(await find('crm', id)).toBeNull();
  const { id: next } = await createUser(app, { externalIds: [{ system: 'crm', id }] });
  expect(await find('crm', id)).toBe(next);
});

it('userByExternalId audits the read of externalIds', async () => {
  const id = newExternalId();
  const { id: userId } = await createUser(app, { externalIds: [{ system: 'crm', id }] });
  const token = await app.token({ sub: 'reader', scope: 'users:read' });
  await app.graphql(`{ userByExternalId(system: "crm", id: "${id}") { id } }`, {}, { token });
  const rows = await app.sql<{ field_groups: { fields: string[] }[] }>(
    `SELECT field_groups FROM audit_entries WHERE actor_id = 'reader' AND user_ids @> ARRAY[$1::uuid]`,
    [userId],
  );
  expect(rows.map(({ field_groups }) => field_groups[0]?.fields)).toEqual([['externalIds']]);
});

it('a user may read but not set their own external ids', async () => {
  const { id: userId } = await createUser(app, { externalIds: [{ system: 'crm', id: newExternalId() }] });
  const own = await app.token({ sub: userId });
  const { data } = await app.graphql('{ me { externalIds { system } } }', {}, { token: own });
  expect(data.me.externalIds).toEqual([{ system: 'crm' }]);
  const { errors } = await tryMutation(app, 'setExternalId', { userId, system: 'crm', id: 'x' }, own);
  expect(errors.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
});
