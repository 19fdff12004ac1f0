import { Client } from 'pg';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { newId, storeUsers } from '../testkit/stored-users';
import { createUser, mutate } from '../testkit/users';

/** The statements that the service sends to PostgreSQL, recorded at the driver. */
const statements: string[] = [];
let app: TestApp;
beforeAll(async () => {
  const { query } = Client.prototype;
  // Before the service connects, as each connection keeps the method it finds.
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

/** The recorded statements on users, history and consents, which no background sweep reads. */
const reads = () =>
  statements.filter((text) => /\b(first_name|user_history|email_preference_decisions)\b/.test(text));

/** Runs an operation and returns its data and the reads it made. */
async function countReads(query: string, variables: object = {}) {
  statements.length = 0;
  const { data, errors } = await app.graphql(query, { ...variables }, { token: app.staff });
  expect(errors).toEqual([]);
  return { data, statements: reads() };
}

const entities = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on User { id status email displayName } } }`;

describe('the service', () => {
  it('reads a hundred references in one statement, and cached ones in none', async () => {
    const users = Array.from({ length: 97 }, () => ({ id: newId('ACTIVE'), state: 'ACTIVE' as const }));
    await storeUsers(app, users);
    const unknown = [newId('unknown'), newId('malformed'), newId('unknown')];
    const of = [...users.map(({ id }) => id), ...unknown].map((id) => ({ __typename: 'User', id }));
    const cold = await countReads(entities, { of });
    expect(cold.statements).toHaveLength(1);
    expect(cold.data._entities.map((user: { status: string }) => user.status)).toEqual([
      ...users.map(() => 'ACTIVE'),
      ...unknown.map(() => 'UNKNOWN'),
    ]);
    await eventually(async () =>
      expect(await countReads(entities, { of })).toEqual({ data: cold.data, statements: [] }),
    );
    // Cached and uncached references in one request.
    const more = [{ id: newId('ACTIVE'), state: 'ACTIVE' as const }];
    await storeUsers(app, more);
    const mixed = await countReads(entities, {
      of: [...of.slice(0, 50), { __typename: 'User', id: more[0]?.id }],
    });
    expect(mixed.statements).toHaveLength(1);
  });

  it('reads a page of users with the first entries of each history in two statements', async () => {
    const { data, statements: sent } = await countReads(
      '{ users(first: 50) { nodes { id emailPreferences { marketing } history(first: 5) { nodes { id type } } } } }',
    );
    expect(data.users.nodes).toHaveLength(50);
    for (const { history } of data.users.nodes) expect(history.nodes).toHaveLength(1);
    expect(sent).toHaveLength(2);
  });

  it('reads two pages of one history in one operation, each after its own cursor', async () => {
    const { id } = await createUser(app);
    await mutate(app, 'updateUser', { userId: id, firstName: 'Betty' });
    await mutate(app, 'updateUser', { userId: id, firstName: 'Grace' });
    const whole = await countReads(
      'query ($id: ID!) { user(id: $id) { history { edges { cursor node { id } } } } }',
      {
        id,
      },
    );
    const [first, second, third] = whole.data.user.history.edges;
    const { data } = await countReads(
      'query ($id: ID!, $after: String) { user(id: $id) { a: history(first: 1) { nodes { id } } b: history(first: 1, after: $after) { nodes { id } } c: history(first: 2, after: $after) { nodes { id } } } }',
      { id, after: first.cursor },
    );
    expect(data.user).toEqual({
      a: { nodes: [first.node] },
      b: { nodes: [second.node] },
      c: { nodes: [second.node, third.node] },
    });
  });

  it('reads a page of users with their preferences at a past time in two statements', async () => {
    const { data, statements: sent } = await countReads(
      '{ users(first: 50) { nodes { id emailPreferences(asOf: "2026-01-01T00:00:00Z") { marketing } } } }',
    );
    expect(data.users.nodes).toHaveLength(50);
    for (const { emailPreferences } of data.users.nodes)
      expect(emailPreferences).toEqual({ marketing: false });
    expect(sent).toHaveLength(2);
  });

  it('reads a user from the cache after a change', async () => {
    // If Redis times out on a busy machine, the service reads PostgreSQL; then the test tries again.
    await eventually(async () => {
      statements.length = 0;
      const { id } = await createUser(app);
      const { data, statements: sent } = await countReads(
        'query ($id: ID!) { user(id: $id) { id email } userEmailPreferences(userId: $id) { userId } }',
        { id },
      );
      expect(data.userEmailPreferences.userId).toBe(id);
      expect(sent).toEqual([]);
    });
  });

  it('reads an uncached user at most five times for five hundred concurrent requests', async () => {
    const user = { id: newId('ACTIVE'), state: 'ACTIVE' as const };
    await storeUsers(app, [user]);
    statements.length = 0;
    const read = () =>
      app.graphql('query ($id: ID!) { user(id: $id) { status } }', { id: user.id }, { token: app.staff });
    const responses = await Promise.all(Array.from({ length: 500 }, read));
    expect(responses.every(({ data }) => data.user.status === 'ACTIVE')).toBe(true);
    expect(reads().length).toBeLessThanOrEqual(5);
  });

  it('inserts a new user and its records in one statement', async () => {
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
    // Another statement audits the response as a read.
    const writes = statements.filter((text) => /INSERT INTO (users|user_history|audit_keys)\b/.test(text));
    expect(writes).toHaveLength(1);
    for (const table of tables) expect(writes[0]).toContain(`INSERT INTO ${table} (`);
  });
});
