import { startTestApp, type TestApp } from '../testkit/app';
import { countRows } from '../testkit/stored-rows';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const topics = ['marketing', 'newsletter', 'recommendations', 'loyalty', 'orderUpdates'];
const fields = `userId ${topics.join(' ')} unsubscribedAt updatedAt`;
const defaults = {
  ...Object.fromEntries(topics.map((topic) => [topic, topic === 'orderUpdates'])),
  unsubscribedAt: null,
  updatedAt: null,
};

const decide = async (userId: string, input: object) =>
  (await mutate(app, 'updateEmailPreferences', { userId, ...input })).emailPreferences;

/** The preferences as of a time; asserts that both fields of the graph return the same. */
async function inForce(userId: string, asOf: string | null, token = app.staff) {
  const { data, errors } = await app.graphql(
    `query ($id: ID!, $asOf: DateTime) {
      userEmailPreferences(userId: $id, asOf: $asOf) { ${fields} }
      user(id: $id) { emailPreferences(asOf: $asOf) { ${fields} } }
    }`,
    { id: userId, asOf },
    { token },
  );
  expect(errors).toEqual([]);
  expect(data.user.emailPreferences).toEqual(data.userEmailPreferences);
  return data.userEmailPreferences;
}

/** Moves all decisions into the past. Only a superuser can disable the triggers. */
async function ageDecisions(userId: string, byDays: number): Promise<void> {
  await app.sql(`BEGIN; SET LOCAL session_replication_role = replica;
    UPDATE email_preference_decisions SET decided_at = decided_at - interval '${byDays} days' WHERE user_id = '${userId}';
    COMMIT`);
}

describe('the ledger of decisions about e-mail', () => {
  it('is read as of times that are less than a minute ahead of the clock', async () => {
    const { id } = await createUser(app);
    const aheadMs = (ms: number) => new Date(Date.now() + ms).toISOString();
    expect(await inForce(id, aheadMs(55_000))).toMatchObject({ newsletter: expect.any(Boolean) });
    const { errors } = await app.graphql(
      `query ($id: ID!, $asOf: DateTime) {
        userEmailPreferences(userId: $id, asOf: $asOf) { newsletter }
        user(id: $id) { emailPreferences(asOf: $asOf) { newsletter } }
      }`,
      { id, asOf: aheadMs(65_000) },
      { token: app.staff },
    );
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT', 'BAD_USER_INPUT']);
  });

  it('keeps decisions of two users at the same time apart', async () => {
    const [{ id: one }, { id: other }] = [await createUser(app), await createUser(app)];
    await decide(one, { newsletter: true });
    await decide(other, { marketing: true, orderUpdates: false });
    const at = '2026-03-01T10:00:00.000Z';
    await app.sql(`BEGIN; SET LOCAL session_replication_role = replica;
      UPDATE email_preference_decisions SET decided_at = '${at}' WHERE user_id IN ('${one}', '${other}');
      COMMIT`);
    const { data } = await app.graphql(
      `query ($one: ID!, $other: ID!, $at: DateTime) {
        one: userEmailPreferences(userId: $one, asOf: $at) { ${fields} }
        other: userEmailPreferences(userId: $other, asOf: $at) { ${fields} }
      }`,
      { one, other, at },
      { token: app.staff },
    );
    expect(data).toEqual({
      one: { ...defaults, userId: one, newsletter: true, updatedAt: at },
      other: { ...defaults, userId: other, marketing: true, orderUpdates: false, updatedAt: at },
    });
  });

  it('stores the wording version, and exportUserData returns it', async () => {
    const { id } = await createUser(app);
    await decide(id, { newsletter: true, source: 'checkout', wordingVersion: ' 2026-03 b ' });
    await decide(id, { newsletter: false });
    const own = await app.token({ sub: id });
    const { document } = (await mutate(app, 'exportUserData', { userId: id }, own)).export;
    const consent = { topic: 'newsletter', actor: 'staff', decidedAt: expect.any(String) };
    expect(document.consents).toEqual([
      { ...consent, granted: true, source: 'checkout', wordingVersion: '2026-03 b' },
      { ...consent, granted: false, source: null, wordingVersion: null },
    ]);
  });

  it('rejects a wording version above 100 characters or with control characters', async () => {
    const { id } = await createUser(app);
    const before = await countRows(app);
    for (const [wordingVersion, code] of [
      ['w'.repeat(101), 'TOO_LONG'],
      ['a\nb', 'CONTROL_CHARACTERS'],
    ]) {
      const result = await mutate(app, 'updateEmailPreferences', {
        userId: id,
        loyalty: true,
        wordingVersion,
      });
      expect(result).toMatchObject({ fields: [{ path: 'wordingVersion', code }] });
    }
    expect(await countRows(app)).toEqual(before);
  });

  it('rejects UPDATE, DELETE and TRUNCATE', async () => {
    const { id } = await createUser(app);
    await decide(id, { marketing: true, loyalty: true });
    const ledger = () => app.sql('SELECT * FROM email_preference_decisions ORDER BY id');
    const before = await ledger();
    for (const tampering of [
      "UPDATE email_preference_decisions SET source = 'elsewhere'",
      'UPDATE email_preference_decisions SET granted = NOT granted WHERE false',
      'TRUNCATE email_preference_decisions',
      'TRUNCATE users CASCADE',
      "DELETE FROM email_preference_decisions WHERE topic = 'loyalty'",
      'DELETE FROM email_preference_decisions',
    ])
      await expect(app.sql(tampering)).rejects.toThrow('append-only');
    expect(await ledger()).toEqual(before);
  });

  it('is deleted with its user', async () => {
    const { id } = await createUser(app);
    await decide(id, { marketing: true });
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    expect((await mutate(app, 'eraseUser', { userId: id }, officer)).__typename).toBe('EraseUserSuccess');
    expect(await app.sql('SELECT 1 FROM email_preference_decisions WHERE user_id = $1', [id])).toEqual([]);

    const other = await createUser(app);
    await decide(other.id, { marketing: true });
    await app.sql('DELETE FROM users WHERE id = $1', [other.id]);
    expect(await app.sql('SELECT 1 FROM email_preference_decisions WHERE user_id = $1', [other.id])).toEqual(
      [],
    );
  });

  it('keeps the order of decisions when the clocks of replicas differ', async () => {
    const { id } = await createUser(app);
    await decide(id, { marketing: true });
    // A repeated decision on a replica whose clock is an hour ahead: it changes only the ledger.
    await decide(id, { marketing: true });
    await ageDecisions(id, -1 / 24);
    await decide(id, { marketing: false });
    const rows = await app.sql<{ granted: boolean; at: Date }>(
      'SELECT granted, decided_at AS at FROM email_preference_decisions WHERE user_id = $1 ORDER BY decided_at',
      [id],
    );
    expect(rows.map(({ granted }) => granted)).toEqual([true, true, false]);
    expect(new Set(rows.map(({ at }) => at.getTime())).size).toBe(3);
  });
});

describe('e-mail preferences as of a moment', () => {
  it('are those in force then, starting with the defaults', async () => {
    const { id } = await createUser(app);
    const steps = [];
    for (const choices of [
      { marketing: true, newsletter: true },
      { orderUpdates: false },
      { marketing: false },
      { newsletter: false },
      { newsletter: false },
      { loyalty: true },
    ])
      steps.push(await decide(id, choices));
    const moments = steps.map(({ updatedAt }) => updatedAt as string);
    expect(await inForce(id, '2001-01-01T00:00:00Z')).toEqual({ userId: id, ...defaults });
    const before = new Date(Date.parse(moments[0] as string) - 1).toISOString();
    expect(await inForce(id, before)).toEqual({ userId: id, ...defaults });
    for (const [index, step] of steps.entries())
      expect(await inForce(id, moments[index] as string)).toEqual(step);
    // A time after the last decision, and no time.
    const now = new Date().toISOString();
    expect(await inForce(id, now)).toEqual(steps.at(-1));
    expect(await inForce(id, null)).toEqual(steps.at(-1));
    expect(await inForce(id, now, await app.token({ sub: id }))).toEqual(steps.at(-1));
  });

  it('equal the current ones after any sequence of decisions', async () => {
    const { id } = await createUser(app);
    for (let round = 0; round < 12; round += 1) {
      const chosen = topics.filter(() => Math.random() < 0.4);
      await decide(id, Object.fromEntries(chosen.map((topic) => [topic, Math.random() < 0.5])));
      const { data } = await app.graphql(
        `query ($id: ID!, $asOf: DateTime) {
          then: userEmailPreferences(userId: $id, asOf: $asOf) { ${fields} }
          now: userEmailPreferences(userId: $id) { ${fields} }
        }`,
        { id, asOf: new Date().toISOString() },
        { token: app.staff },
      );
      expect(data.then).toEqual(data.now);
    }
  });

  it('are BAD_USER_INPUT for a time in the future', async () => {
    const { id } = await createUser(app);
    const asOf = new Date(Date.now() + 3_600_000).toISOString();
    const { data, errors } = await app.graphql(
      `query ($id: ID!, $asOf: DateTime) {
        userEmailPreferences(userId: $id, asOf: $asOf) { userId }
        user(id: $id) { status emailPreferences(asOf: $asOf) { userId } }
      }`,
      { id, asOf },
      { token: app.staff },
    );
    expect(data).toEqual({ userEmailPreferences: null, user: { status: 'ACTIVE', emailPreferences: null } });
    expect(
      errors.map(({ path, extensions }): string => `${path?.join('.')} ${String(extensions['code'])}`).sort(),
    ).toEqual(['user.emailPreferences BAD_USER_INPUT', 'userEmailPreferences BAD_USER_INPUT']);
    // The caller's clock may be a little ahead.
    expect(await inForce(id, new Date(Date.now() + 20_000).toISOString())).toEqual({
      userId: id,
      ...defaults,
    });
  });

  it('are null for an unknown user and for an actor without access', async () => {
    const unknown = '01975a5e-0000-7000-8000-00000000dead';
    const { id } = await createUser(app);
    const query = `query ($id: ID!, $of: [_Any!]!) {
      user(id: $id) { emailPreferences(asOf: "2026-01-01T00:00:00Z") { userId } }
      _entities(representations: $of) { ... on User { emailPreferences(asOf: "2026-01-01T00:00:00Z") { userId } } }
    }`;
    const stranger = await app.token({ sub: unknown });
    const of = [id, unknown].map((it) => ({ __typename: 'User', id: it }));
    const { data, errors } = await app.graphql(query, { id, of }, { token: stranger });
    expect([data, errors]).toEqual([
      {
        user: { emailPreferences: null },
        _entities: [{ emailPreferences: null }, { emailPreferences: null }],
      },
      [],
    ]);
  });
});
