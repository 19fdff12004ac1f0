import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { fieldNames, introspect } from '../testkit/introspected';
import { exampleProfile, selections } from '../testkit/user-fields';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const selection = 'nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
const query = (arguments_: string, variables: object = {}, declared = '') =>
  app.graphql(
    `query Listed${declared} { users(${arguments_}) { ${selection} } }`,
    { ...variables },
    { token: app.staff },
  );

async function list(arguments_: string): Promise<any> {
  const { data, errors } = await query(arguments_);
  expect(errors).toEqual([]);
  return { ...data.users, ids: data.users.nodes.map(({ id }: { id: string }) => id) };
}
const codesOf = ({ errors }: { errors: { extensions: Record<string, unknown> }[] }) =>
  errors.map(({ extensions }) => extensions.code);

describe('users with last and before', () => {
  let ids: string[];
  beforeAll(async () => {
    ids = [];
    for (const lastName of ['Çelik', 'abel', 'Berg']) ids.unshift((await createUser(app, { lastName })).id);
  });

  it('returns the end of the list, in the order of the list', async () => {
    const end = await list('last: 2');
    expect(end.ids).toEqual(ids.slice(1));
    expect(end.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    const start = await list(`last: 2, before: "${end.pageInfo.startCursor}"`);
    expect(start.ids).toEqual(ids.slice(0, 1));
    expect(start.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const between = await list(
      `first: 5, after: "${start.pageInfo.endCursor}", before: "${end.pageInfo.endCursor}"`,
    );
    expect(between.ids).toEqual([ids[1]]);
  });

  it('orders last names without regard to case and accents', async () => {
    expect((await list('orderBy: { field: LAST_NAME, direction: ASC }')).ids).toEqual([
      ids[1],
      ids[0],
      ids[2],
    ]);
    expect((await list('orderBy: { field: LAST_NAME, direction: DESC }, last: 1')).ids).toEqual([ids[1]]);
    expect((await list('orderBy: null')).ids).toEqual(ids);
  });

  it('orders by the last change', async () => {
    await mutate(app, 'updateUser', { userId: ids[1], displayName: 'Changed last' });
    expect((await list('orderBy: { field: UPDATED_AT, direction: DESC }')).ids).toEqual([
      ids[1],
      ids[0],
      ids[2],
    ]);
  });

  it('refuses first together with last, unless the operation does not give it', async () => {
    for (const given of [
      'first: 1, last: 1',
      'first: 20, last: 1',
      'last: 0',
      'last: 101',
      'last: 1, before: "x"',
    ])
      expect(codesOf(await query(given))).toEqual(['BAD_USER_INPUT']);
    const both = 'first: $first, last: $last';
    const declared = '($first: Int, $last: Int)';
    expect(codesOf(await query(both, { first: 1, last: 1 }, declared))).toEqual(['BAD_USER_INPUT']);
    expect(codesOf(await query(both, { last: 1 }, '($first: Int = 5, $last: Int)'))).toEqual([
      'BAD_USER_INPUT',
    ]);
    for (let repeated = 0; repeated < 3; repeated += 1)
      for (const variables of [{ last: 1 }, { first: null, last: 1 }]) {
        const { data, errors } = await query(both, variables, declared);
        expect({ errors, ids: data?.users.nodes }).toEqual({ errors: [], ids: [{ id: ids[2] }] });
      }
    expect((await list('first: null, last: 1')).ids).toEqual([ids[2]]);
    expect((await list('first: 1, last: null')).ids).toEqual([ids[0]]);
  });

  it('refuses a cursor of another order', async () => {
    const orders = ['CREATED_AT', 'UPDATED_AT', 'LAST_SEEN_AT', 'LAST_NAME'].flatMap((field) =>
      ['ASC', 'DESC'].map((direction) => `orderBy: { field: ${field}, direction: ${direction} }`),
    );
    const cursors = await Promise.all(
      orders.map(async (order) => (await list(`${order}, first: 1`)).pageInfo.endCursor),
    );
    expect(new Set(cursors).size).toBe(orders.length);
    for (const [at, order] of orders.entries())
      for (const [of, cursor] of cursors.entries())
        for (const argument of ['after', 'before']) {
          const { errors } = await query(`${order}, ${argument}: "${cursor}"`);
          expect({ order, of, argument, errors: errors.length }).toEqual({
            order,
            of,
            argument,
            errors: at === of ? 0 : 1,
          });
        }
    expect((await list(`after: "${cursors[1]}"`)).ids).toEqual(ids.slice(1));
  });

  it('has the cost of the page, and 50 more for totalCount', async () => {
    const costly = await app.graphql(
      `{ ${Array.from({ length: 50 }, (_, n) => `a${n}: users(last: 100) { nodes { id address { city } } edges { node { id } } totalCount }`).join(' ')} }`,
      {},
      { token: app.staff },
    );
    // An edge and its node count 1 each.
    expect(costly.errors).toMatchObject([{ extensions: { limit: 'cost', cost: 50 * (1 + 200 + 200 + 50) } }]);
  });
});

describe('users with filters', () => {
  it('records what a filter or order reveals of the users that it returns', async () => {
    const { id } = await createUser(app, { username: 'revealed', phoneNumber: '+491701' });
    await app.sql('INSERT INTO user_activity (user_id, last_seen_at) VALUES ($1, now())', [id]);
    const filters: Record<string, string[]> = {
      'filter: { username: "Revealed" }': ['username'],
      'filter: { phoneNumber: "491701" }': ['phoneNumber'],
      'filter: { username: "revealed", orderCountMax: 3, updatedFrom: "2020-01-01T00:00:00Z" }': [
        'commerce',
        'updatedAt',
        'username',
      ],
    };
    for (const [field, fields] of Object.entries({
      CREATED_AT: [],
      UPDATED_AT: ['updatedAt'],
      LAST_SEEN_AT: ['lastSeenAt'],
      LAST_NAME: ['lastName'],
    }))
      filters[`filter: { ids: ["revealed-id"] }, orderBy: { field: ${field}, direction: ASC }`] = fields;
    // Each filter alone, with a value that the user meets.
    const alone: Record<string, [value: string, fields: string[]]> = {
      status: ['[ACTIVE]', []],
      emailVerification: ['[UNVERIFIED]', ['emailVerification']],
      createdFrom: ['"2020-01-01T00:00:00Z"', ['createdAt']],
      createdTo: ['"2120-01-01T00:00:00Z"', ['createdAt']],
      updatedFrom: ['"2020-01-01T00:00:00Z"', ['updatedAt']],
      updatedTo: ['"2120-01-01T00:00:00Z"', ['updatedAt']],
      lastSeenFrom: ['"2020-01-01T00:00:00Z"', ['lastSeenAt']],
      lastSeenTo: ['"2120-01-01T00:00:00Z"', ['lastSeenAt']],
      orderCountMin: ['0', ['commerce']],
      orderCountMax: ['0', ['commerce']],
      spentMin: ['{ amount: "0", currency: "EUR" }', ['commerce']],
      search: ['"revealed"', ['email', 'firstName', 'lastName', 'username']],
    };
    for (const [name, [value, fields]] of Object.entries(alone))
      filters[`filter: { ids: ["revealed-id"], ${name}: ${value} }`] = fields;
    const named = Object.keys(filters).join();
    for (const name of fieldNames(await introspect(app), 'UserFilter')) expect(named).toContain(`${name}: `);
    for (const [index, [arguments_, fields]] of Object.entries(filters).entries()) {
      const reader = `reader-${index}`;
      const token = await app.token({ sub: reader, scope: 'users:read' });
      const { data, errors } = await app.graphql(
        `{ users(${arguments_.replace('revealed-id', id)}) { nodes { id } } }`,
        {},
        { token },
      );
      expect({ arguments_, errors, users: data?.users.nodes }).toEqual({
        arguments_,
        errors: [],
        users: [{ id }],
      });
      const entries = await app.sql<{ users: string[]; groups: { fields: string[] }[] }>(
        'SELECT user_ids AS users, field_groups AS groups FROM audit_entries WHERE actor_id = $1',
        [reader],
      );
      expect({ arguments_, entries }).toMatchObject({
        arguments_,
        entries: fields.length === 0 ? [] : [{ users: [id], groups: [{ fields }] }],
      });
    }
  });

  it('at least nothing spent, and at most no orders, match users without orders', async () => {
    const { id } = await createUser(app);
    for (const [filter, matches] of [
      ['spentMin: { amount: "0", currency: "EUR" }', true],
      ['spentMin: { amount: "-1", currency: "EUR" }', true],
      ['spentMin: { amount: "0.0001", currency: "EUR" }', false],
      ['orderCountMin: 0', true],
      ['orderCountMin: 1', false],
      ['orderCountMax: 0', true],
      ['orderCountMax: -1', false],
    ] as const)
      expect([filter, (await list(`filter: { ids: ["${id}"], ${filter} }`)).ids]).toEqual([
        filter,
        matches ? [id] : [],
      ]);
  });

  it('users who never signed in are the last in both directions', async () => {
    const seen = await createUser(app);
    const unseen = await createUser(app);
    await app.sql('INSERT INTO user_activity (user_id, last_seen_at) VALUES ($1, now())', [seen.id]);
    for (const direction of ['ASC', 'DESC']) {
      const order = `orderBy: { field: LAST_SEEN_AT, direction: ${direction} }`;
      const { ids } = await list(`filter: { ids: ["${unseen.id}", "${seen.id}"] }, ${order}`);
      expect([direction, ids]).toEqual([direction, [seen.id, unseen.id]]);
    }
  });

  it('search follows each change of a name, address and username, and forgets erased users', async () => {
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    const { id } = await createUser(app, { firstName: 'Øyvind', lastName: 'Strauß', username: 'old-name' });
    const found = async (search: string) =>
      (await list(`filter: { search: ${JSON.stringify(search)} }`)).ids.includes(id) as boolean;
    for (const text of ['oyvind', 'Øyvind  STRAUSS', 'strauß', 'old-n'])
      expect([text, await found(text)]).toEqual([text, true]);
    await mutate(app, 'updateUser', { userId: id, username: 'new-name', lastName: 'Ďurič' });
    for (const text of ['oyvind d', 'DURIC', 'new-name'])
      expect([text, await found(text)]).toEqual([text, true]);
    for (const text of ['old-n', 'strauss', 'oyvind s', 'duric oyvind'])
      expect([text, await found(text)]).toEqual([text, false]);
    await mutate(app, 'eraseUser', { userId: id }, officer);
    await eventually(async () => {
      expect(await app.sql('SELECT FROM user_search WHERE user_id = $1', [id])).toEqual([]);
    });
    expect(await found('duric')).toBe(false);
  });

  it.each([
    `ids: [${Array.from({ length: 101 }, (_, n) => `"${n}"`).join(', ')}]`,
    'spentMin: { amount: "a lot", currency: "EUR" }',
    'spentMin: { amount: "1e3", currency: "EUR" }',
    'spentMin: { amount: "", currency: "EUR" }',
  ])('returns BAD_USER_INPUT for %.40s', async (filter) => {
    expect(codesOf(await query(`filter: { ${filter} }`))).toEqual(['BAD_USER_INPUT']);
  });
});

it('users returns each field of a user as user does, when it is the only one selected', async () => {
  const { id } = await createUser(app);
  await mutate(app, 'updateUser', { userId: id, ...exampleProfile });
  await mutate(app, 'setExternalId', { userId: id, system: 'erp', id: '4711' });
  await mutate(app, 'updateEmailPreferences', { userId: id, marketing: true });
  await app.sql(
    `UPDATE users SET phone_verification = 'VERIFIED', phone_verified_at = now(), pending_email = 'new@example.com',
       email_verification = 'VERIFIED', email_verified_at = now() WHERE id = $1`,
    [id],
  );
  await mutate(app, 'deactivateUser', { userId: id, reason: 'INACTIVITY', notes: 'a note' });
  expect(selections.length).toBeGreaterThan(20);
  for (const selection of selections) {
    const { data, errors } = await app.graphql(
      `query ($id: ID!) { user(id: $id) { ${selection} } users(filter: { ids: [$id] }) { nodes { ${selection} } } }`,
      { id },
      { token: app.staff },
    );
    expect(errors).toEqual([]);
    expect(data.users.nodes).toEqual([data.user]);
  }
});
