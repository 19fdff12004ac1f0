import { startTestApp, type TestApp } from '../testkit/app';
import { countRows, eventsOf } from '../testkit/stored-rows';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const fields = 'userId marketing newsletter recommendations loyalty orderUpdates unsubscribedAt updatedAt';

async function read(userId: string, token = app.staff) {
  const { data, errors } = await app.graphql(
    `query ($userId: ID!) { userEmailPreferences(userId: $userId) { ${fields} } user(id: $userId) { version emailPreferences { ${fields} } } }`,
    { userId },
    { token },
  );
  expect(errors).toEqual([]);
  expect(data.user.emailPreferences).toEqual(data.userEmailPreferences);
  return { ...data.userEmailPreferences, version: data.user.version };
}

async function decide(userId: string, input: object, token?: string) {
  const result = await mutate(app, 'updateEmailPreferences', { userId, ...input }, token);
  expect(result.__typename).toBe('UpdateEmailPreferencesSuccess');
  return result.emailPreferences;
}

const off = { marketing: false, newsletter: false, recommendations: false, loyalty: false };

describe('updateEmailPreferences', () => {
  it('a new user has only orderUpdates on and no updatedAt', async () => {
    const { id } = await createUser(app);
    expect(await read(id)).toEqual({
      userId: id,
      ...off,
      orderUpdates: true,
      unsubscribedAt: null,
      updatedAt: null,
      version: 1,
    });
    const unknown = '01975a5e-0000-7000-8000-00000000dead';
    const { data, errors } = await app.graphql(
      'query ($id: ID!) { userEmailPreferences(userId: $id) { userId } }',
      { id: unknown },
      { token: app.staff },
    );
    expect([data, errors]).toEqual([{ userEmailPreferences: null }, []]);
  });

  it('updateEmailPreferences records actor, time and source of each decision, also of a repeated one', async () => {
    const { id } = await createUser(app);
    const own = await app.token({ sub: id });
    await decide(id, { marketing: true, loyalty: false, source: ' checkout ' }, own);
    await decide(id, { marketing: true });
    const ledger = await app.sql<Record<string, unknown>>(
      'SELECT * FROM email_preference_decisions WHERE user_id = $1 ORDER BY decided_at, topic',
      [id],
    );
    const entry = (topic: string, granted: boolean, source: string | null, actor: string) => ({
      id: expect.any(String),
      user_id: id,
      topic,
      granted,
      source,
      wording_version: null,
      actor_id: actor,
      decided_at: expect.any(Date),
    });
    expect(ledger).toEqual([
      entry('loyalty', false, 'checkout', id),
      entry('marketing', true, 'checkout', id),
      entry('marketing', true, null, 'staff'),
    ]);
    expect(await read(id)).toMatchObject({ marketing: true, version: 2 });
  });

  it('updateEmailPreferences writes a version, an event and a history entry only for a change', async () => {
    const { id } = await createUser(app);
    const first = await decide(id, { newsletter: true });
    expect((await eventsOf(app, id)).at(-1)).toEqual({
      type: 'UserEmailPreferencesUpdated',
      version: 2,
      data: { userId: id, ...off, newsletter: true, orderUpdates: true, updatedAt: first.updatedAt },
    });
    const { email_preference_decisions: decisions, ...before } = await countRows(app);
    expect(await decide(id, { newsletter: true, marketing: false })).toEqual(first);
    expect(await decide(id, { source: 'nothing decided' })).toEqual(first);
    expect(await countRows(app)).toEqual({ ...before, email_preference_decisions: decisions + 2 });
    const { data } = await app.graphql(
      'query ($id: ID!) { user(id: $id) { history { nodes { type data } } } }',
      { id },
      { token: app.staff },
    );
    expect(data.user.history.nodes[0]).toEqual({
      type: 'EMAIL_PREFERENCES_UPDATED',
      data: { ...off, newsletter: true, orderUpdates: true },
    });
  });

  it('updateEmailPreferences sets updatedAt with the first decision, even one that changes no preference', async () => {
    const { id } = await createUser(app);
    const first = await decide(id, { orderUpdates: true });
    expect(first).toMatchObject({
      ...off,
      orderUpdates: true,
      unsubscribedAt: null,
      updatedAt: expect.any(String),
    });
    expect((await read(id)).version).toBe(2);
    expect((await decide(id, { orderUpdates: false })).unsubscribedAt).toBeNull();
  });

  it('unsubscribedAt is the time when the last optional topic was turned off, until one is on again', async () => {
    const { id } = await createUser(app);
    expect((await decide(id, { marketing: true, newsletter: true })).unsubscribedAt).toBeNull();
    expect((await decide(id, { marketing: false })).unsubscribedAt).toBeNull();
    const unsubscribed = await decide(id, { newsletter: false });
    expect(unsubscribed.unsubscribedAt).toBe(unsubscribed.updatedAt);
    expect((await eventsOf(app, id)).at(-1)?.data.unsubscribedAt).toBe(unsubscribed.unsubscribedAt);
    // Neither orderUpdates nor a repeated decision changes it.
    expect((await decide(id, { orderUpdates: false })).unsubscribedAt).toBe(unsubscribed.unsubscribedAt);
    expect((await decide(id, off)).unsubscribedAt).toBe(unsubscribed.unsubscribedAt);
    expect((await decide(id, { ...off, orderUpdates: true })).unsubscribedAt).toBe(
      unsubscribed.unsubscribedAt,
    );
    expect((await decide(id, { loyalty: true })).unsubscribedAt).toBeNull();
    const again = await decide(id, { loyalty: false });
    expect(again.unsubscribedAt > unsubscribed.unsubscribedAt).toBe(true);

    const never = await createUser(app);
    const refused = await decide(never.id, off);
    expect(refused.unsubscribedAt).toBe(refused.updatedAt);
  });

  it('updateEmailPreferences rejects null and names every null field', async () => {
    const { id } = await createUser(app);
    const before = await countRows(app);
    const result = await mutate(app, 'updateEmailPreferences', {
      userId: id,
      marketing: null,
      loyalty: null,
      newsletter: true,
    });
    expect(result).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [
        { path: 'marketing', code: 'REQUIRED' },
        { path: 'loyalty', code: 'REQUIRED' },
      ],
    });
    expect(await countRows(app)).toEqual(before);
  });
});
