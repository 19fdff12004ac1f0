import { startTestApp, type TestApp } from '../testkit/app';
import { countRows, eventsOf } from '../testkit/stored-rows';
import { buildUser, createUser, mutate } from '../testkit/users';

let app: TestApp;
let replica: TestApp;
beforeAll(async () => {
  app = await startTestApp();
  replica = await startTestApp({ replicaOf: app });
});
afterAll(async () => {
  await replica.stop();
  await app.stop();
});

/** Makes ten concurrent calls on two replicas. */
const callTenTimes = (mutation: string, input: Record<string, unknown>) =>
  Promise.all(Array.from({ length: 10 }, (_, n) => mutate(n % 2 ? app : replica, mutation, input)));

describe('a repeated call with an idempotencyKey', () => {
  it('creates one user in ten concurrent calls, and returns it to all of them', async () => {
    const before = await countRows(app);
    const results = await callTenTimes('createUser', buildUser({ idempotencyKey: 'one user' }));
    expect(results[0].__typename).toBe('CreateUserSuccess');
    for (const result of results) expect(result).toEqual(results[0]);
    const after = await countRows(app);
    expect(after).toEqual({
      ...before,
      users: before.users + 1,
      user_history: before.user_history + 1,
      outbox_events: before.outbox_events + 1,
      idempotency_keys: 1,
    });
  });

  it.each([
    ['updateUser', { firstName: 'Once' }, 'UserUpdated'],
    ['deactivateUser', { notes: 'once' }, 'UserDeactivated'],
    ['updateEmailPreferences', { marketing: true }, 'UserEmailPreferencesUpdated'],
  ])('has one effect in ten concurrent calls of %s', async (mutation, input, type) => {
    const { id } = await createUser(app);
    const results = await callTenTimes(mutation, { userId: id, ...input, idempotencyKey: `ten ${mutation}` });
    for (const result of results) expect(result).toEqual(results[0]);
    expect((await eventsOf(app, id)).map((event) => event.type)).toEqual(['UserCreated', type]);
    const ledger = await app.sql('SELECT topic FROM email_preference_decisions WHERE user_id = $1', [id]);
    expect(ledger).toHaveLength(mutation === 'updateEmailPreferences' ? 1 : 0);
  });

  it('returns the current user, also if the input would now have an effect', async () => {
    const { id } = await createUser(app);
    const input = { userId: id, firstName: 'First', expectedVersion: 1, idempotencyKey: `first ${id}` };
    await mutate(app, 'updateUser', input);
    await mutate(app, 'updateUser', { userId: id, firstName: 'Second' });
    const { user } = await mutate(app, 'deactivateUser', { userId: id });
    expect(await mutate(app, 'updateUser', input)).toEqual({ __typename: 'UpdateUserSuccess', user });
    expect(user).toMatchObject({ firstName: 'Second', version: 4 });
  });

  it('returns IdempotencyConflictError for any difference in its input', async () => {
    const { id } = await createUser(app);
    const input = { userId: id, displayName: 'A', idempotencyKey: `same ${id}` };
    await mutate(app, 'updateUser', input);
    const conflict = { __typename: 'IdempotencyConflictError', message: expect.any(String) };
    expect(await mutate(app, 'updateUser', { ...input, displayName: 'B' })).toEqual(conflict);
    expect(await mutate(app, 'updateUser', { ...input, locale: null })).toEqual(conflict);
    expect(await mutate(app, 'updateUser', { userId: id, idempotencyKey: input.idempotencyKey })).toEqual(
      conflict,
    );
    expect(await mutate(app, 'deactivateUser', { userId: id, idempotencyKey: input.idempotencyKey })).toEqual(
      conflict,
    );
    const { user } = await mutate(app, 'updateUser', {
      idempotencyKey: ` ${input.idempotencyKey} `,
      displayName: 'A',
      userId: id,
    });
    expect(user).toMatchObject({ displayName: 'A', version: 2, status: 'ACTIVE' });
  });

  it('returns the same error again, also if the call would now succeed', async () => {
    const taken = await createUser(app, { username: 'taken' });
    const { id } = await createUser(app);
    const calls: [mutation: string, input: Record<string, unknown>, error: string][] = [
      ['createUser', buildUser({ email: taken.email, idempotencyKey: 'e1' }), 'EmailTakenError'],
      ['createUser', buildUser({ username: taken.username, idempotencyKey: 'e2' }), 'UsernameTakenError'],
      ['createUser', buildUser({ userId: taken.id, idempotencyKey: 'e3' }), 'UserIdTakenError'],
      ['updateUser', { userId: id, email: taken.email, idempotencyKey: 'e4' }, 'EmailTakenError'],
      [
        'updateUser',
        { userId: id, firstName: 'X', expectedVersion: 2, idempotencyKey: 'e5' },
        'VersionConflictError',
      ],
      [
        'deactivateUser',
        { userId: '01975a5e-0000-7000-8000-000000000000', idempotencyKey: 'e6' },
        'UserNotFoundError',
      ],
      ['reactivateUser', { userId: 'malformed', idempotencyKey: 'e7' }, 'UserNotFoundError'],
    ];
    for (const [mutation, input, error] of calls) {
      const first = await mutate(app, mutation, input);
      expect(first.__typename).toBe(error);
      expect(await mutate(replica, mutation, input)).toEqual(first);
    }
    await createUser(app, { userId: '01975a5e-0000-7000-8000-000000000000' });
    await mutate(app, 'updateUser', { userId: id, firstName: 'Y' });
    await app.sql('DELETE FROM users WHERE id = $1', [taken.id]);
    for (const [mutation, input, error] of calls)
      expect((await mutate(app, mutation, input)).__typename).toBe(error);
    // A failed call reserves its key, too.
    expect(await mutate(app, 'createUser', buildUser({ idempotencyKey: 'e1' }))).toMatchObject({
      __typename: 'IdempotencyConflictError',
    });
  });

  it('succeeds with corrected input after InvalidInputError', async () => {
    const input = buildUser({ firstName: '', idempotencyKey: 'wrong at first' });
    const first = await mutate(app, 'createUser', input);
    expect(first.__typename).toBe('InvalidInputError');
    expect(await mutate(app, 'createUser', input)).toEqual(first);
    expect((await mutate(app, 'createUser', { ...input, firstName: 'Right' })).__typename).toBe(
      'CreateUserSuccess',
    );
  });

  it('has one effect also with spaces around its key', async () => {
    const input = buildUser({ idempotencyKey: 'spaced' });
    const first = await mutate(app, 'createUser', input);
    expect(await mutate(app, 'createUser', { ...input, idempotencyKey: ' spaced ' })).toEqual(first);
  });

  it('with a blank key has an effect each time', async () => {
    const { id } = await createUser(app);
    for (const [idempotencyKey, displayName] of [
      ['', 'One'],
      [' ', 'Two'],
      ['\t', 'Three'],
    ])
      expect(await mutate(app, 'updateUser', { userId: id, displayName, idempotencyKey })).toMatchObject({
        user: { displayName },
      });
  });

  it('is independent of calls with this key by another actor', async () => {
    const other = await app.token({ sub: 'another-importer', scope: 'users:write' });
    const [mine, theirs] = [buildUser({ idempotencyKey: 'row 1' }), buildUser({ idempotencyKey: 'row 1' })];
    const first = await mutate(app, 'createUser', mine);
    const second = await mutate(app, 'createUser', theirs, other);
    expect([first.user.email, second.user.email]).toEqual([mine.email, theirs.email]);
    expect(await mutate(app, 'createUser', mine)).toEqual(first);
    expect(await mutate(app, 'createUser', theirs, other)).toEqual(second);
  });

  it('stores digests and the user id, and no text of its key or input', async () => {
    const input = buildUser({ lastName: 'Canary-Name', idempotencyKey: 'canary-key@example.com' });
    const { user } = await mutate(app, 'createUser', input);
    const [row] = await app.sql('SELECT * FROM idempotency_keys WHERE user_id = $1', [user.id]);
    expect(row).toEqual({
      actor_id: 'staff',
      key: expect.stringMatching(/^[\w-]{43}$/),
      input_digest: expect.stringMatching(/^[\w-]{43}$/),
      user_id: user.id,
      outcome: 'SUCCESS',
      created_at: expect.any(Date),
    });
    expect(JSON.stringify(row)).not.toMatch(/canary|example/i);
  });
});
