import { Client } from 'pg';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { newId, storeUsers } from '../testkit/stored-users';
import { createUser } from '../testkit/users';

/** What the service asks of PostgreSQL, listened to at the driver; everything goes through. */
const statements: string[] = [];
let app: TestApp;
beforeAll(async () => {
  const { query } = Client.prototype;
  // Before the service makes its connections, which keep the method they find.
  jest.spyOn(Client.prototype, 'query').mockImplementation(function (this: Client, ...args: unknown[]) {
    const [statement] = args as [string | { text: string }];
    statements.push(typeof statement === 'string' ? statement : statement.text);
    return (query as (...all: unknown[]) => never).apply(this, args);
  });
  app = await startTestApp();
});
afterAll(async () => {
  await app.stop();
  jest.restoreAllMocks();
});

/** The statements so far that read users, their history or their consents; the service's own sweeps read none of them. */
const reads = () =>
  statements.filter((text) => /\b(first_name|user_history|email_preference_decisions)\b/.test(text));

/** The answer to an operation, and the reads of users and their history that it took. */
async function watch(query: string, variables: object = {}) {
  statements.length = 0;
  const { data, errors } = await app.graphql(query, { ...variables }, { token: app.staff });
  expect(errors).toEqual([]);
  return { data, asked: reads() };
}

const entities = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on User { id status email displayName } } }`;

describe('statements', () => {
  it('are one for a hundred references, and none when they are cached', async () => {
    const users = Array.from({ length: 97 }, () => ({ id: newId('ACTIVE'), state: 'ACTIVE' as const }));
    await storeUsers(app, users);
    const unknown = [newId('unknown'), newId('malformed'), newId('unknown')];
    const of = [...users.map(({ id }) => id), ...unknown].map((id) => ({ __typename: 'User', id }));
    const cold = await watch(entities, { of });
    expect(cold.asked).toHaveLength(1);
    expect(cold.data._entities.map((user: { status: string }) => user.status)).toEqual([
      ...users.map(() => 'ACTIVE'),
      ...unknown.map(() => 'UNKNOWN'),
    ]);
    await eventually(async () =>
      expect(await watch(entities, { of })).toEqual({ data: cold.data, asked: [] }),
    );
    // Together with some that nobody has asked for yet.
    const more = [{ id: newId('ACTIVE'), state: 'ACTIVE' as const }];
    await storeUsers(app, more);
    const mixed = await watch(entities, {
      of: [...of.slice(0, 50), { __typename: 'User', id: more[0]?.id }],
    });
    expect(mixed.asked).toHaveLength(1);
  });

  it('are two for a page of users with the beginning of each history', async () => {
    const { data, asked } = await watch(
      '{ users(first: 50) { nodes { id emailPreferences { marketing } history(first: 5) { nodes { id type } } } } }',
    );
    expect(data.users.nodes).toHaveLength(50);
    for (const { history } of data.users.nodes) expect(history.nodes).toHaveLength(1);
    expect(asked).toHaveLength(2);
  });

  it('are two for a page of users with what each allowed at some moment', async () => {
    const { data, asked } = await watch(
      '{ users(first: 50) { nodes { id emailPreferences(asOf: "2026-01-01T00:00:00Z") { marketing } } } }',
    );
    expect(data.users.nodes).toHaveLength(50);
    for (const { emailPreferences } of data.users.nodes)
      expect(emailPreferences).toEqual({ marketing: false });
    expect(asked).toHaveLength(2);
  });

  it('are none for reading a user after a change', async () => {
    // A Redis that takes long to answer, as on a busy machine, is done without: then PostgreSQL is asked after all.
    await eventually(async () => {
      statements.length = 0;
      const { id } = await createUser(app);
      const { data, asked } = await watch(
        'query ($id: ID!) { user(id: $id) { id email } userEmailPreferences(userId: $id) { userId } }',
        { id },
      );
      expect(data.userEmailPreferences.userId).toBe(id);
      expect(asked).toEqual([]);
    });
  });

  it('are not five hundred for five hundred readers of one user who is not cached', async () => {
    const user = { id: newId('ACTIVE'), state: 'ACTIVE' as const };
    await storeUsers(app, [user]);
    statements.length = 0;
    const read = () =>
      app.graphql('query ($id: ID!) { user(id: $id) { status } }', { id: user.id }, { token: app.staff });
    const answers = await Promise.all(Array.from({ length: 500 }, read));
    expect(answers.every(({ data }) => data.user.status === 'ACTIVE')).toBe(true);
    expect(reads().length).toBeLessThanOrEqual(5);
  });

  it('are one for all that a new user brings with it', async () => {
    statements.length = 0;
    await createUser(app);
    const tables = [
      'users',
      'user_history',
      'outbox_events',
      'audit_entries',
      'audit_keys',
      'audit_unsealed',
    ];
    // The answer is audited too, as a read: that is another statement.
    const writes = statements.filter((text) => /INSERT INTO (users|user_history|audit_keys)\b/.test(text));
    expect(writes).toHaveLength(1);
    for (const table of tables) expect(writes[0]).toContain(`INSERT INTO ${table} (`);
  });
});
