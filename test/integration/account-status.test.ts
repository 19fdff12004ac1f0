import { startTestApp, type TestApp } from '../testkit/app';
import { countRows, eventsOf } from '../testkit/stored-rows';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('deactivateUser and reactivateUser', () => {
  it('deactivateUser defaults the reason to USER_REQUESTED for self, else ADMINISTRATIVE_ACTION', async () => {
    const leaver = await createUser(app);
    const own = await app.token({ sub: leaver.id.toUpperCase() });
    const left = (await mutate(app, 'deactivateUser', { userId: leaver.id }, own)).user;
    expect(left).toMatchObject({ status: 'DEACTIVATED', statusReason: 'USER_REQUESTED', version: 2 });
    expect(left.statusChangedAt).toBe(left.updatedAt);

    const other = await createUser(app);
    const sent = (await mutate(app, 'deactivateUser', { userId: other.id, reason: null })).user;
    expect(sent.statusReason).toBe('ADMINISTRATIVE_ACTION');
    const third = await createUser(app);
    const named = (await mutate(app, 'deactivateUser', { userId: third.id, reason: 'SECURITY_VIOLATION' }))
      .user;
    expect(named.statusReason).toBe('SECURITY_VIOLATION');
  });

  it('a second deactivateUser changes nothing and keeps the first reason and notes', async () => {
    const { id } = await createUser(app);
    const deactivate = (input: object) => mutate(app, 'deactivateUser', { userId: id, ...input });
    const { user: first } = await deactivate({ reason: 'INACTIVITY', notes: ' asleep ' });
    expect(first).toMatchObject({ statusReason: 'INACTIVITY', statusNotes: 'asleep', version: 2 });
    const before = await countRows(app);
    expect(await deactivate({ reason: 'ADMINISTRATIVE_ACTION', notes: 'again' })).toEqual({
      __typename: 'DeactivateUserSuccess',
      user: first,
    });
    const many = await Promise.all(Array.from({ length: 10 }, () => deactivate({})));
    expect(many.every(({ user }) => user.version === 2)).toBe(true);
    expect(await countRows(app)).toEqual(before);
  });

  it.each(['USER_REQUESTED', 'ADMINISTRATIVE_ACTION', 'INACTIVITY'])(
    'SECURITY_VIOLATION replaces %s once, and no other reason replaces it',
    async (reason) => {
      const { id } = await createUser(app);
      const deactivate = (input: object) => mutate(app, 'deactivateUser', { userId: id, ...input });
      const { user: first } = await deactivate({ reason, notes: 'first' });
      const freezing = { reason: 'SECURITY_VIOLATION', expectedVersion: 2 };
      expect(await deactivate({ ...freezing, expectedVersion: 1 })).toMatchObject({ currentVersion: 2 });
      const { user: frozen } = await deactivate(freezing);
      expect(frozen).toEqual({
        ...first,
        statusReason: 'SECURITY_VIOLATION',
        statusNotes: null,
        statusChangedAt: frozen.updatedAt,
        updatedAt: frozen.updatedAt,
        version: 3,
      });
      expect(Date.parse(frozen.updatedAt)).toBeGreaterThan(Date.parse(first.updatedAt));
      const before = await countRows(app);
      for (const again of ['SECURITY_VIOLATION', reason])
        expect((await deactivate({ reason: again, notes: 'again' })).user).toEqual(frozen);
      expect(await countRows(app)).toEqual(before);

      expect((await eventsOf(app, id)).slice(1)).toMatchObject([
        { type: 'UserDeactivated', version: 2, data: { reason, additionalNotes: 'first' } },
        { type: 'UserDeactivated', version: 3, data: { reason: 'SECURITY_VIOLATION' } },
      ]);
      const history = '{ user(id: $id) { history(types: [USER_DEACTIVATED]) { nodes { data } } } }';
      const { data } = await app.graphql(`query ($id: ID!) ${history}`, { id }, { token: app.staff });
      expect(data.user.history.nodes).toEqual([
        { data: { reason: 'SECURITY_VIOLATION' } },
        { data: { reason } },
      ]);
    },
  );

  it('ten concurrent deactivateUser calls that freeze a deactivated account have one effect', async () => {
    const { id } = await createUser(app);
    await mutate(app, 'deactivateUser', { userId: id });
    const freezing = { userId: id, reason: 'SECURITY_VIOLATION' };
    const keys = [...Array(5).fill({}), ...Array(5).fill({ idempotencyKey: `freeze ${id}` })];
    const results = await Promise.all(
      keys.map((key) => mutate(app, 'deactivateUser', { ...freezing, ...key })),
    );
    expect(results.map(({ user }) => user.version)).toEqual(Array(10).fill(3));
    expect((await eventsOf(app, id)).map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  it('ten concurrent deactivateUser calls have one effect', async () => {
    const { id } = await createUser(app);
    const results = await Promise.all(
      Array.from({ length: 10 }, () => mutate(app, 'deactivateUser', { userId: id })),
    );
    expect(results.map(({ __typename, user }) => [__typename, user.version])).toEqual(
      Array(10).fill(['DeactivateUserSuccess', 2]),
    );
    expect((await eventsOf(app, id)).map(({ type }) => type)).toEqual(['UserCreated', 'UserDeactivated']);
  });

  it('reactivateUser clears the reason and has one effect', async () => {
    const created = await createUser(app);
    const { id } = created;
    expect((await mutate(app, 'reactivateUser', { userId: id, notes: 'nothing to do' })).user).toEqual(
      created,
    );
    await mutate(app, 'deactivateUser', { userId: id, notes: 'gone' });
    const { user } = await mutate(app, 'reactivateUser', {
      userId: id,
      notes: 'is back',
      expectedVersion: 2,
    });
    expect(user).toMatchObject({ status: 'ACTIVE', statusReason: null, statusNotes: 'is back', version: 3 });
    expect((await mutate(app, 'reactivateUser', { userId: id })).user).toEqual(user);
    const events = await eventsOf(app, id);
    expect(events.map(({ type, version }) => [type, version])).toEqual([
      ['UserCreated', 1],
      ['UserDeactivated', 2],
      ['UserReactivated', 3],
    ]);
    expect(events[2]?.data).toEqual({ userId: id, reactivatedAt: user.statusChangedAt });
  });

  it('UserDeactivated omits empty members, and the user cannot read staff notes', async () => {
    const [silent, noted] = [await createUser(app), await createUser(app)];
    const { user } = await mutate(app, 'deactivateUser', { userId: silent.id, notes: '  ' });
    await mutate(app, 'deactivateUser', { userId: noted.id, notes: 'said something rude' });
    expect((await eventsOf(app, silent.id))[1]?.data).toEqual({
      userId: silent.id,
      deactivatedAt: user.statusChangedAt,
      reason: 'ADMINISTRATIVE_ACTION',
    });
    expect((await eventsOf(app, noted.id))[1]?.data).toMatchObject({
      additionalNotes: 'said something rude',
    });
    const { data, errors } = await app.graphql(
      '{ me { statusReason statusNotes statusChangedAt history { nodes { summary data } } } }',
      {},
      { token: await app.token({ sub: noted.id }) },
    );
    expect(errors).toEqual([]);
    expect(data.me).toMatchObject({ statusReason: 'ADMINISTRATIVE_ACTION', statusNotes: null });
    expect(JSON.stringify(data)).not.toContain('rude');
  });
});
