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
  const answer = await mutate(app, 'updateEmailPreferences', { userId, ...input }, token);
  expect(answer.__typename).toBe('UpdateEmailPreferencesSuccess');
  return answer.emailPreferences;
}

const off = { marketing: false, newsletter: false, recommendations: false, loyalty: false };

describe('e-mail preferences', () => {
  it('begin with only orderUpdates on and nobody having decided', async () => {
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

  it('keep who said what, when and through which source, also what repeats the present', async () => {
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

  it('make a version, an event and a history entry of a real change, and none of a repetition', async () => {
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

  it('have updatedAt from the first decision on, even one that leaves all as it was', async () => {
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

  it('have unsubscribedAt from when the last of the others was turned off until one is on again', async () => {
    const { id } = await createUser(app);
    expect((await decide(id, { marketing: true, newsletter: true })).unsubscribedAt).toBeNull();
    expect((await decide(id, { marketing: false })).unsubscribedAt).toBeNull();
    const gone = await decide(id, { newsletter: false });
    expect(gone.unsubscribedAt).toBe(gone.updatedAt);
    expect((await eventsOf(app, id)).at(-1)?.data.unsubscribedAt).toBe(gone.unsubscribedAt);
    // Neither order mails nor saying so again moves it.
    expect((await decide(id, { orderUpdates: false })).unsubscribedAt).toBe(gone.unsubscribedAt);
    expect((await decide(id, off)).unsubscribedAt).toBe(gone.unsubscribedAt);
    expect((await decide(id, { ...off, orderUpdates: true })).unsubscribedAt).toBe(gone.unsubscribedAt);
    expect((await decide(id, { loyalty: true })).unsubscribedAt).toBeNull();
    const again = await decide(id, { loyalty: false });
    expect(again.unsubscribedAt > gone.unsubscribedAt).toBe(true);

    const never = await createUser(app);
    const refused = await decide(never.id, off);
    expect(refused.unsubscribedAt).toBe(refused.updatedAt);
  });

  it('are not decided by null, and all that is null is named', async () => {
    const { id } = await createUser(app);
    const before = await countRows(app);
    const answer = await mutate(app, 'updateEmailPreferences', {
      userId: id,
      marketing: null,
      loyalty: null,
      newsletter: true,
    });
    expect(answer).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [
        { path: 'marketing', code: 'REQUIRED' },
        { path: 'loyalty', code: 'REQUIRED' },
      ],
    });
    expect(await countRows(app)).toEqual(before);
  });
});
