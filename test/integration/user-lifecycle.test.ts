import { startTestApp, type TestApp } from '../testkit/app';
import { userEventsOnly } from '../testkit/stored-rows';
import { leafFields } from '../testkit/user-fields';
import { buildUser, createUser, mutate, userFields } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('the lifecycle of a user', () => {
  it('starts with createUser, which returns an active user at version 1 with the default values', async () => {
    const input = buildUser({ email: '  Grace@Example.com ', firstName: ' Grace ' });
    const result = await mutate(app, 'createUser', input);
    expect(result).toEqual({
      __typename: 'CreateUserSuccess',
      user: {
        // Fields that are null unless something sets them.
        ...Object.fromEntries(leafFields.map((name) => [name, null])),
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        status: 'ACTIVE',
        username: 'Grace@Example.com',
        email: 'Grace@Example.com',
        firstName: 'Grace',
        lastName: 'Lovelace',
        address: null,
        externalIds: [],
        emailVerification: { status: 'UNVERIFIED', verifiedAt: null },
        phoneVerification: { status: 'UNVERIFIED', verifiedAt: null },
        emailPreferences: {
          userId: result.user.id,
          marketing: false,
          newsletter: false,
          recommendations: false,
          loyalty: false,
          orderUpdates: true,
          unsubscribedAt: null,
          updatedAt: null,
        },
        statusChangedAt: result.user.createdAt,
        version: 1,
        createdAt: expect.any(String),
        updatedAt: result.user.createdAt,
      },
    });
  });

  it('has one history entry and one event for each version', async () => {
    const { id } = await createUser(app);
    await mutate(app, 'updateUser', { userId: id, displayName: 'Countess', locale: 'en-gb' });
    await mutate(app, 'deactivateUser', { userId: id, reason: 'INACTIVITY', notes: 'asleep' });
    await mutate(app, 'deactivateUser', { userId: id });
    const { user } = await mutate(app, 'reactivateUser', { userId: id });
    expect(user).toMatchObject({ status: 'ACTIVE', statusReason: null, version: 4, locale: 'en-GB' });

    const { data } = await app.graphql(
      `query ($id: ID!) { user(id: $id) { ${userFields} history { nodes { type eventId data occurredAt } } } }`,
      { id },
      { token: app.staff },
    );
    expect(data.user).toMatchObject(user);
    const entries = data.user.history.nodes;
    expect(entries.map((entry: { type: string }) => entry.type)).toEqual([
      'USER_REACTIVATED',
      'USER_DEACTIVATED',
      'USER_UPDATED',
      'USER_CREATED',
    ]);
    expect(entries[1].data).toEqual({ reason: 'INACTIVITY' });
    expect(entries[2].data).toEqual({ changedFields: ['displayName', 'locale'] });

    const events = await app.sql<{ id: string; type: string; version: number; data: object }>(
      `SELECT id, type, version, data FROM outbox_events WHERE user_id = $1 AND ${userEventsOnly} ORDER BY version DESC`,
      [id],
    );
    expect(events.map((event) => [event.type, event.version])).toEqual([
      ['UserReactivated', 4],
      ['UserDeactivated', 3],
      ['UserUpdated', 2],
      ['UserCreated', 1],
    ]);
    expect(events.map((event) => event.id)).toEqual(
      entries.map((entry: { eventId: string }) => entry.eventId),
    );
    expect(events[1]?.data).toEqual({
      userId: id,
      deactivatedAt: entries[1].occurredAt,
      reason: 'INACTIVITY',
      additionalNotes: 'asleep',
    });
  });
});
