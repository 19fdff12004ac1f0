import { startTestApp, type TestApp } from '../testkit/app';
import { storeUsers } from '../testkit/stored-users';
import { buildUser, createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const id = (n: number) => `01975a5e-0000-7000-8000-${String(n).padStart(12, '0')}`;
const page =
  'nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';

async function list(filter: object | null, paging: { first?: number; after?: string | null } = {}) {
  const { data, errors } = await app.graphql(
    `query ($filter: UserFilter, $first: Int = 100, $after: String) { users(filter: $filter, first: $first, after: $after) { ${page} } }`,
    { filter, ...paging },
    { token: app.staff },
  );
  expect(errors).toEqual([]);
  return data.users;
}

const idsOf = (connection: { nodes: { id: string }[] }) => connection.nodes.map((node) => node.id);
const find = async (filter: object | null) => idsOf(await list(filter));

describe('users', () => {
  /** Twelve users in groups of three with one creation time; the times are one microsecond apart. */
  const newestFirst = Array.from({ length: 12 }, (_, n) => id(12 - n));
  beforeAll(async () => {
    const users = newestFirst.map((it) => ({ id: it, state: 'ACTIVE' as const }));
    await storeUsers(app, users);
    await app.sql(
      `UPDATE users SET created_at = '2024-02-29T12:00:00.123456Z'::timestamptz
         + (right(id::text, 12)::bigint - 1) / 3 * interval '1 microsecond'`,
    );
    await app.sql(`UPDATE users SET status = 'DEACTIVATED' WHERE id = ANY($1)`, [[id(1), id(2), id(3)]]);
    await app.sql(`UPDATE users SET status = 'PENDING', email_verification = 'UNVERIFIED' WHERE id = $1`, [
      id(4),
    ]);
    await app.sql(`UPDATE users SET created_at = '2020-01-01T00:00:00Z' WHERE id = $1`, [id(1)]);
  });

  it.each([1, 2, 5, 12, 100])(
    'returns every user exactly once, newest first, with page size %i',
    async (first) => {
      const seen: string[] = [];
      let after: string | null = null;
      for (let pages = 0; pages < 20; pages += 1) {
        const { edges, pageInfo } = await list(null, { first, after });
        expect(pageInfo).toEqual({
          hasNextPage: seen.length + edges.length < 12,
          hasPreviousPage: after !== null,
          startCursor: edges[0].cursor,
          endCursor: edges.at(-1).cursor,
        });
        seen.push(...edges.map((edge: { node: { id: string } }) => edge.node.id));
        after = pageInfo.endCursor;
        if (!pageInfo.hasNextPage) break;
      }
      expect(seen).toEqual(newestFirst);
      const beyond = await list(null, { after });
      expect(beyond).toEqual({
        nodes: [],
        edges: [],
        pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
      });
    },
  );

  it('combines conditions with AND; an empty list matches nothing, null matches all', async () => {
    expect(await find({})).toHaveLength(12);
    expect(await find({ status: null, search: null })).toHaveLength(12);
    expect(await find({ status: ['DEACTIVATED'] })).toEqual([id(3), id(2), id(1)]);
    expect(await find({ status: ['DEACTIVATED', 'PENDING'] })).toEqual([id(4), id(3), id(2), id(1)]);
    expect(await find({ status: ['UNKNOWN'] })).toEqual([]);
    expect(await find({ status: [] })).toEqual([]);
    expect(await find({ emailVerification: ['UNVERIFIED', 'PENDING'] })).toEqual([id(4)]);
    expect(await find({ emailVerification: [], status: ['PENDING'] })).toEqual([]);
    expect(await find({ status: ['DEACTIVATED'], createdFrom: '2024-01-01T00:00:00Z' })).toEqual([
      id(3),
      id(2),
    ]);
    expect(
      await find({ status: ['DEACTIVATED'], search: 'LAST', createdTo: '2024-01-01T00:00:00Z' }),
    ).toEqual([id(1)]);
    expect(await find({ status: ['ACTIVE'], emailVerification: ['UNVERIFIED'] })).toEqual([]);
  });

  it('includes createdFrom and excludes createdTo', async () => {
    const at = '2020-01-01T00:00:00Z';
    const later = '2020-01-01T01:00:00.001+01:00';
    expect(await find({ createdFrom: at, createdTo: later })).toEqual([id(1)]);
    expect(await find({ createdFrom: later, createdTo: '2021-01-01T00:00:00Z' })).toEqual([]);
    expect(await find({ createdTo: at })).toEqual([]);
    expect(await find({ createdFrom: later, createdTo: at })).toEqual([]);
  });

  it('search matches the start of address, username and names, ignoring case and Unicode form', async () => {
    const marker = 'Zürich';
    const users = [
      await createUser(app, { ...buildUser({ email: 'zürich%5_a@example.com' }), username: 'u-one' }),
      await createUser(app, { username: 'ZÜRICH-fan' }),
      await createUser(app, { firstName: 'zu\u0308richer' }),
      await createUser(app, { lastName: 'ＺÜＲＩＣＨ' }),
    ];
    const expected = users.map((user) => user.id).reverse();
    for (const search of [marker, '  zürich ', 'ZÜRICH', 'zu\u0308rich', 'Ｚürich'])
      expect(await find({ search })).toEqual(expected);
    expect(await find({ search: 'ürich' })).toEqual([]);
    expect(await find({ search: 'zürich%' })).toEqual([users[0].id]);
    expect(await find({ search: 'ZÜRICH%5_' })).toEqual([users[0].id]);
    for (const search of ['z_rich', '%rich', 'zürich%_', 'zürich\\', '\\%', "zürich'"])
      expect(await find({ search })).toEqual([]);
    expect(await find({ search: ' ', status: ['PENDING'] })).toEqual([id(4)]);
  });
});

describe('history', () => {
  let userId: string;
  beforeAll(async () => {
    userId = (await createUser(app)).id;
    await app.sql('DELETE FROM user_history WHERE user_id = $1', [userId]);
    await app.sql(
      `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
       SELECT ('01975a5e-1111-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1,
         CASE WHEN n % 2 = 0 THEN 'ORDER_PLACED' ELSE 'USER_UPDATED' END,
         '2024-02-29T12:00:00.000001Z'::timestamptz + n / 3 * interval '1 microsecond', now(), 'test', n::text, 'Happened.', '{}'
       FROM generate_series(1, 10) AS n`,
      [userId],
    );
    await app.sql(
      `UPDATE user_history SET occurred_at = '2023-01-01T00:00:00Z' WHERE user_id = $1 AND event_id = '5'`,
      [userId],
    );
  });

  const query = `query ($id: ID!, $first: Int, $after: String, $types: [HistoryEntryType!], $from: DateTime, $to: DateTime) {
    user(id: $id) { history(first: $first, after: $after, types: $types, from: $from, to: $to) {
      nodes { eventId } edges { cursor node { eventId } } pageInfo { hasNextPage endCursor }
    } }
  }`;
  async function read(variables: object) {
    const { data, errors } = await app.graphql(query, { id: userId, ...variables }, { token: app.staff });
    expect(errors).toEqual([]);
    return data.user.history;
  }
  const eventIds = async (variables: object) =>
    (await read(variables)).nodes.map((node: { eventId: string }) => Number(node.eventId));

  it.each([1, 3, 100])('returns every entry exactly once, newest first, with page size %i', async (first) => {
    const seen: number[] = [];
    let after: string | null = null;
    do {
      const { edges, pageInfo } = await read({ first, after });
      seen.push(...edges.map((edge: { node: { eventId: string } }) => Number(edge.node.eventId)));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null && seen.length < 30);
    expect(seen).toEqual([10, 9, 8, 7, 6, 4, 3, 2, 1, 5]);
  });

  it('combines types, from (inclusive) and to (exclusive); an empty list matches nothing', async () => {
    expect(await eventIds({ types: ['ORDER_PLACED'] })).toEqual([10, 8, 6, 4, 2]);
    expect(await eventIds({ types: ['ORDER_PLACED', 'USER_UPDATED'], first: 2 })).toEqual([10, 9]);
    expect(await eventIds({ types: [] })).toEqual([]);
    expect(await eventIds({ types: ['USER_CREATED'] })).toEqual([]);
    expect(await eventIds({ types: null, from: null, to: null })).toHaveLength(10);
    const at = '2023-01-01T00:00:00Z';
    const after = '2023-01-01T00:00:00.001Z';
    expect(await eventIds({ from: at, to: after })).toEqual([5]);
    expect(await eventIds({ to: at })).toEqual([]);
    expect(await eventIds({ from: after, types: ['USER_UPDATED'] })).toEqual([9, 7, 3, 1]);
  });
});

it.each([
  'nodes { id }',
  'edges { cursor }',
  'pageInfo { startCursor }',
  'pageInfo { endCursor }',
  'pageInfo { hasNextPage hasPreviousPage }',
])('a list returns the same %s, whether or not it is all that is selected', async (part) => {
  const { id } = await createUser(app);
  await mutate(app, 'updateUser', { userId: id, displayName: 'Ada' });
  const read = async (selection: string) => {
    const { data, errors } = await app.graphql(
      `query ($id: ID!) { users(first: 1) { ${selection} } user(id: $id) { history(first: 1) { ${selection} } } }`,
      { id },
      { token: app.staff },
    );
    expect(errors).toEqual([]);
    return { users: data.users, history: data.user.history };
  };
  const whole = await read(page);
  const cursors = { startCursor: expect.any(String), endCursor: expect.any(String) };
  expect(whole).toMatchObject({ users: { pageInfo: cursors }, history: { pageInfo: cursors } });
  expect(whole).toMatchObject(await read(part));
});

it('User.history returns each field of an entry, alone and next to cursors', async () => {
  const { id } = await createUser(app);
  const fields = ['type', 'occurredAt', 'recordedAt', 'source', 'eventId', 'late', 'summary', 'data'];
  const read = async (selection: string) => {
    const text = `query ($id: ID!) { user(id: $id) { history { ${selection} } } }`;
    const { data, errors } = await app.graphql(text, { id }, { token: app.staff });
    expect(errors).toEqual([]);
    return data.user.history;
  };
  const whole = await read(`nodes { ${fields.join(' ')} } edges { cursor }`);
  for (const field of fields) expect([field, whole.nodes[0][field]]).not.toEqual([field, null]);
  for (const part of fields.map((field) => `nodes { ${field} }`)) {
    expect(whole).toMatchObject(await read(part));
    expect(whole).toMatchObject(await read(`${part} edges { cursor }`));
  }
});
