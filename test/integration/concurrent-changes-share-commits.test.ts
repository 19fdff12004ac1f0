import { Client } from 'pg';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { eventsOf } from '../testkit/stored-rows';
import { storeUsers } from '../testkit/stored-users';
import { buildUser, createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
});

const createMany = (inputs: readonly Record<string, unknown>[]) =>
  Promise.all(inputs.map((input) => mutate(app, 'createUser', input)));
const idsOf = (results: readonly { user?: { id: string } }[]) =>
  results.flatMap(({ user }) => user?.id ?? []);

async function createUsers(count: number): Promise<{ id: string; email: string }[]> {
  return (await createMany(Array.from({ length: count }, () => buildUser()))).map(({ user }) => user);
}

/** The transactions that wrote the rows of the latest version of these users: of the row, and of each record. */
const transactionsOf = (ids: readonly string[]) =>
  app.sql<{ row: string; records: string[] }>(
    `SELECT xmin::text AS row, ARRAY(
       SELECT xmin::text FROM user_history WHERE user_id = users.id AND occurred_at = users.updated_at
       UNION ALL SELECT xmin::text FROM audit_entries WHERE user_id = users.id AND at = users.updated_at) AS records
     FROM users WHERE id = ANY ($1::uuid[])`,
    [ids],
  );

async function expectSharedCommits(ids: readonly string[]): Promise<void> {
  const written = await transactionsOf(ids);
  expect(written).toHaveLength(ids.length);
  expect(new Set(written.map(({ row }) => row)).size).toBeLessThan(ids.length);
  for (const { row, records } of written) expect(records).toEqual([row, row]);
}

/** Raises an error for users with this first name, like a constraint that one row violates. */
async function refuseFirstName(name: string): Promise<void> {
  await app.sql(`
    CREATE OR REPLACE FUNCTION refuse_name() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.first_name = '${name}' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$`);
  await app.sql(
    'CREATE OR REPLACE TRIGGER refuse_name BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION refuse_name()',
  );
}

describe('concurrent creations', () => {
  it('share commits, each with its history entry, audit entry and event', async () => {
    const ids = idsOf(await createMany(Array.from({ length: 40 }, () => buildUser())));
    await expectSharedCommits(ids);
    for (const id of ids.slice(0, 5)) expect(await eventsOf(app, id)).toMatchObject([{ version: 1 }]);
  });

  it('return an error for an address or username in use, and create the other users', async () => {
    const known = await createUser(app);
    const twice = buildUser();
    const username = 'wanted by three';
    const results = await createMany([
      buildUser({ email: known.email }),
      twice,
      buildUser(),
      { ...twice, firstName: 'Grace' },
      ...Array.from({ length: 3 }, () => buildUser({ username })),
      buildUser({ username: known.username, email: `${known.username}.example.com@example.com` }),
      buildUser({ email: 'not an address' }),
      buildUser(),
    ]);
    const names = results.map(({ __typename }): string => __typename);
    expect(names[0]).toBe('EmailTakenError');
    expect(names.filter((_, at) => at === 1 || at === 3).sort()).toEqual([
      'CreateUserSuccess',
      'EmailTakenError',
    ]);
    expect([names[2], names[9]]).toEqual(['CreateUserSuccess', 'CreateUserSuccess']);
    expect(names.slice(4, 7).sort()).toEqual([
      'CreateUserSuccess',
      'UsernameTakenError',
      'UsernameTakenError',
    ]);
    expect(names[8]).toBe('InvalidInputError');
    for (const id of idsOf(results))
      expect(await eventsOf(app, id)).toMatchObject([{ type: 'UserCreated', version: 1 }]);
    for (const table of ['user_history', 'audit_keys', 'audit_entries'])
      expect(
        await app.sql(`SELECT user_id FROM ${table} WHERE user_id NOT IN (SELECT id FROM users)`),
      ).toEqual([]);
  });

  it('succeed although PostgreSQL rejects one of them', async () => {
    await refuseFirstName('Mallory');
    const settled = await Promise.allSettled(
      ['Ada', 'Mallory', 'Grace', 'Alan', 'Mallory'].map((firstName) =>
        mutate(app, 'createUser', buildUser({ firstName })),
      ),
    );
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
  });
});

describe('concurrent updates', () => {
  it('of different users share commits, each with its history entry, audit entry and event', async () => {
    const users = await createUsers(40);
    await Promise.all(
      users.map(({ id }, at) => mutate(app, 'updateUser', { userId: id, displayName: `Name ${at}` })),
    );
    await expectSharedCommits(users.map(({ id }) => id));
    for (const { id } of users.slice(0, 5))
      expect(await eventsOf(app, id)).toMatchObject([{ version: 1 }, { type: 'UserUpdated', version: 2 }]);
  });

  it('return an error for each that cannot be made, and make the others', async () => {
    const [first, second, third, fourth] = (await createUsers(4)) as [any, any, any, any];
    await mutate(app, 'deactivateUser', { userId: third.id });
    const results = await Promise.all([
      mutate(app, 'updateUser', { userId: first.id, locale: 'de', expectedVersion: 1 }),
      mutate(app, 'updateUser', { userId: second.id, locale: 'de', expectedVersion: 7 }),
      mutate(app, 'updateUser', { userId: third.id, locale: 'de' }),
      mutate(app, 'updateUser', { userId: 'ffffffff-ffff-4fff-bfff-ffffffffffff', locale: 'de' }),
      mutate(app, 'updateUser', { userId: fourth.id, email: second.email }),
      mutate(app, 'updateUser', { userId: fourth.id, locale: 'no locale' }),
      mutate(app, 'deactivateUser', { userId: fourth.id, expectedVersion: 1 }),
      mutate(app, 'reactivateUser', { userId: third.id, expectedVersion: 2 }),
    ]);
    expect(results.map(({ __typename }) => __typename)).toEqual([
      'UpdateUserSuccess',
      'VersionConflictError',
      'UserNotActiveError',
      'UserNotFoundError',
      'EmailTakenError',
      'InvalidInputError',
      'DeactivateUserSuccess',
      'ReactivateUserSuccess',
    ]);
    expect(results[1]).toMatchObject({ currentVersion: 1 });
  });

  it('of one user are made one after the other, and one of them for each expected version', async () => {
    const user = await createUser(app);
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        mutate(app, 'updateUser', {
          userId: user.id,
          displayName: `Name ${at}`,
          ...(at % 3 === 0 ? { expectedVersion: 1 } : {}),
        }),
      ),
    );
    const succeeded = results.filter(({ __typename }) => __typename === 'UpdateUserSuccess');
    const versions = succeeded.map(({ user: { version } }): number => version).sort((a, b) => a - b);
    expect(versions).toEqual(versions.map((_, at) => at + 2));
    expect(
      results.filter((it, at) => at % 3 === 0 && it.__typename === 'UpdateUserSuccess').length,
    ).toBeLessThan(2);
    const events = await eventsOf(app, user.id);
    expect(events.map(({ version }) => version)).toEqual([1, ...versions]);
    const positions = await app.sql<{ version: number }>(
      'SELECT version FROM outbox_events WHERE user_id = $1 AND version IS NOT NULL ORDER BY position',
      [user.id],
    );
    expect(positions.map(({ version }) => version)).toEqual([1, ...versions]);
  });

  it('do not wait for a user that another transaction has locked', async () => {
    const [locked, ...free] = await createUsers(6);
    const holder = new Client({ connectionString: app.databaseUrl });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [locked?.id]);
    const waiting = mutate(app, 'updateUser', { userId: locked?.id, displayName: 'Later' });
    const startedAtMs = performance.now();
    await Promise.all(free.map(({ id }) => mutate(app, 'updateUser', { userId: id, displayName: 'Now' })));
    expect(performance.now() - startedAtMs).toBeLessThan(900);
    await holder.query('COMMIT');
    await holder.end();
    expect(await waiting).toMatchObject({ user: { displayName: 'Later', version: 2 } });
  });

  it('are not read while the user is locked by another transaction', async () => {
    const { id } = await createUser(app);
    const shown = async () => {
      const query = 'query ($id: ID!) { user(id: $id) { displayName version } }';
      return (await app.graphql(query, { id }, { token: app.staff })).data.user;
    };
    const holder = new Client({ connectionString: app.databaseUrl });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [id]);
    const waiting = mutate(app, 'updateUser', { userId: id, displayName: 'Later' });
    try {
      await eventually(async () => {
        const { rows } = await holder.query(
          `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
        );
        expect(rows).not.toEqual([]);
      });
      expect(await shown()).toEqual({ displayName: null, version: 1 });
    } finally {
      await holder.end();
    }
    await waiting;
    expect(await shown()).toEqual({ displayName: 'Later', version: 2 });
  });

  it('succeed although PostgreSQL rejects one of them', async () => {
    const users = await createUsers(4);
    await refuseFirstName('Trudy');
    const settled = await Promise.allSettled(
      users.map(({ id }, at) =>
        mutate(app, 'updateUser', { userId: id, firstName: at === 1 ? 'Trudy' : 'Grace' }),
      ),
    );
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  });

  it('give a user without an audit key one', async () => {
    const id = crypto.randomUUID();
    await storeUsers(app, [{ id, state: 'ACTIVE' }]);
    await app.sql('DELETE FROM audit_keys WHERE user_id = $1', [id]);
    expect(await mutate(app, 'updateUser', { userId: id, displayName: 'Ada' })).toMatchObject({
      user: { displayName: 'Ada' },
    });
    expect(await app.sql('SELECT FROM audit_keys WHERE user_id = $1', [id])).toHaveLength(1);
  });
});
