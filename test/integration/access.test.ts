import type { GraphQLSchema } from 'graphql';
import { type ActorName, actorNames, actors, readTable, tokenOf } from '../testkit/actors';
import { type GraphQLResponse, startTestApp, type TestApp } from '../testkit/app';
import { fieldNames, introspect, selectAll } from '../testkit/introspected';
import { emailOf, isStored, newId, storeUsers, type UserState, userStates } from '../testkit/stored-users';
import { createUser, mutate } from '../testkit/users';

/**
 * What each actor reads of each field of a stored user, from the contract: the value (V), null (-), or null with one
 * FORBIDDEN error at its path (F).
 */
const expected = readTable(`
                     anonymous self self+users:foo other orders:read users:foo users:privacy users:audit users:read users:write
  id                 V         V    V              V     V           V         V             V           V          V
  displayName        V         V    V              V     V           V         V             V           V          V
  status             V         V    V              V     V           V         V             V           V          V
  username           -         V    V              -     -           F         F             F           V          V
  email              -         V    V              -     -           F         F             F           V          V
  firstName          -         V    V              -     -           F         F             F           V          V
  lastName           -         V    V              -     -           F         F             F           V          V
  phoneNumber        -         V    V              -     -           F         F             F           V          V
  address            -         V    V              -     -           F         F             F           V          V
  locale             -         V    V              -     -           F         F             F           V          V
  timeZone           -         V    V              -     -           F         F             F           V          V
  emailVerification  -         V    V              -     -           F         F             F           V          V
  phoneVerification  -         V    V              -     -           F         F             F           V          V
  pendingEmail       -         V    V              -     -           F         F             F           V          V
  externalIds        -         V    V              -     -           F         F             F           V          V
  emailPreferences   -         V    V              -     -           F         F             F           V          V
  statusReason       -         V    V              -     -           F         F             F           V          V
  statusNotes        -         -    F              -     -           F         F             F           V          V
  statusChangedAt    -         V    V              -     -           F         F             F           V          V
  erasureScheduledFor -        V    V              -     -           F         F             F           V          V
  lastSeenAt         -         V    V              -     -           F         F             F           V          V
  commerce           -         V    V              -     -           F         F             F           V          V
  history            -         V    V              -     -           F         F             F           V          V
  version            -         V    V              -     -           F         F             F           V          V
  createdAt          -         V    V              -     -           F         F             F           V          V
  updatedAt          -         V    V              -     -           F         F             F           V          V
`);

/** Some expected values; other fields only need a value. */
const values: Record<string, (id: string, state: UserState) => unknown> = {
  id: (id) => id,
  status: (_id, state) => state,
  displayName: (id) => `Known as ${id}`,
  email: emailOf,
  pendingEmail: (id) => `new-${emailOf(id)}`,
  firstName: (id) => `First ${id}`,
  statusNotes: (id) => `Noted ${id}`,
};

/** The queries that return a user, and the path of the user in the response. */
const ways: Record<string, { query: (selection: string) => string; at: (string | number)[] }> = {
  _entities: {
    query: (it) =>
      `query ($id: ID!) { _entities(representations: [{ __typename: "User", id: $id, email: "put@in.example" }]) { ... on User ${it} } }`,
    at: ['_entities', 0],
  },
  user: { query: (it) => `query ($id: ID!) { user(id: $id) ${it} }`, at: ['user'] },
  me: { query: (it) => `{ me ${it} }`, at: ['me'] },
  userByEmail: {
    query: (it) => `query ($email: String!) { userByEmail(email: $email) ${it} }`,
    at: ['userByEmail'],
  },
  userByExternalId: {
    query: (it) => `query ($id: String!) { userByExternalId(system: "crm", id: $id) ${it} }`,
    at: ['userByExternalId'],
  },
  users: {
    query: (it) => `query ($email: String!) { users(filter: { search: $email }) { nodes ${it} } }`,
    at: ['users', 'nodes', 0],
  },
};

let app: TestApp;
let schema: GraphQLSchema;
const ids = {} as Record<UserState, string>;
beforeAll(async () => {
  app = await startTestApp();
  schema = await introspect(app);
  for (const state of userStates) ids[state] = newId(state);
  await storeUsers(
    app,
    userStates.map((state) => ({ id: ids[state], state })),
  );
  await app.sql(
    `INSERT INTO erasures (id, user_id, status, requested_at, requested_by, scheduled_for, effects)
     SELECT gen_random_uuid(), id, 'SCHEDULED', now(), 'officer', now() + interval '9 days', '{}' FROM users`,
  );
});
afterAll(() => app.stop());

async function ask(
  way: string,
  actor: ActorName,
  state: UserState,
  selection?: string,
): Promise<GraphQLResponse> {
  const id = ids[state];
  const { query } = ways[way] ?? {};
  const text = query?.(selection ?? selectAll(schema.getType('User') as never, 3)) ?? '';
  const variables = /\$id/.test(text) ? { id } : /\$email/.test(text) ? { email: emailOf(id) } : {};
  return app.graphql(text, variables, { token: await tokenOf(app, actor, id) });
}

function valueAt(response: GraphQLResponse, path: readonly (string | number)[]): unknown {
  // biome-ignore lint/suspicious/noExplicitAny: the shape depends on the query
  return path.reduce((value: any, step) => value?.[step], response.data);
}

/** The result of one field in the letters of the table. Only the user's own value is a V. */
function cellOf(response: GraphQLResponse, at: (string | number)[], field: string, state: UserState): string {
  const value = valueAt(response, [...at, field]);
  const codes = response.errors
    .filter(({ path }) => path?.join('.') === [...at, field].join('.'))
    .map(({ extensions }) => extensions.code);
  if (value === null && codes.length === 0) return '-';
  if (value === null && codes.join() === 'FORBIDDEN') return 'F';
  const wanted = values[field]?.(ids[state], state);
  const right = value != null && codes.length === 0 && (wanted === undefined || value === wanted);
  return right ? 'V' : `${JSON.stringify(value)} with ${codes.join()}`;
}

function expectCells(
  response: GraphQLResponse,
  at: (string | number)[],
  actor: ActorName,
  state: UserState,
): void {
  const fields = fieldNames(schema, 'User');
  const wanted = fields.map((field) => [field, expected[field]?.[actor] ?? 'not in the table']);
  const found = fields.map((field) => [field, cellOf(response, at, field, state)]);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
  // One error for each F, and no other.
  expect(response.errors).toHaveLength(wanted.filter(([, cell]) => cell === 'F').length);
}

/** Asserts id, `UNKNOWN`, and the same errors as for a stored user, so that errors do not reveal whether one exists. */
function expectUnknown(response: GraphQLResponse, actor: ActorName, state: UserState): void {
  // A malformed id is never the actor's own.
  const stranger = actor === 'self' ? 'other' : actor === 'self+users:foo' ? 'users:foo' : actor;
  const column = state === 'malformed' ? stranger : actor;
  const fields = fieldNames(schema, 'User').filter((it) => !['id', 'status'].includes(it));
  const wanted = fields.map((field) => [field, expected[field]?.[column] === 'F' ? 'F' : '-']);
  const found = fields.map((field) => [field, cellOf(response, ['_entities', 0], field, state)]);
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
  expect(response.errors).toHaveLength(wanted.filter(([, cell]) => cell === 'F').length);
  expect(valueAt(response, ['_entities', 0])).toMatchObject({ id: ids[state], status: 'UNKNOWN' });
}

function expectNothing(response: GraphQLResponse, way: string, codes: string[]): void {
  expect(response.data?.[way] ?? null).toBeNull();
  expect(response.errors.map(({ path, extensions }) => [path, extensions.code])).toEqual(
    codes.map((code) => [[way], code]),
  );
}

it('the table has a row for every field of User, and the test a query for every path to one', () => {
  expect(Object.keys(expected).sort()).toEqual(fieldNames(schema, 'User').sort());
  const leadsToUser = fieldNames(schema, 'Query').filter((name) =>
    selectAll(schema.getQueryType()?.getFields()[name]?.type as never, 2).includes('pendingEmail'),
  );
  for (const name of leadsToUser) expect(Object.keys(ways)).toContain(name);
});

it('_entities decides access for each item of a batch and for each actor', async () => {
  const query = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { id email status } } }`;
  for (const own of ['ACTIVE', 'DEACTIVATED'] as const)
    for (const states of [userStates, [...userStates].reverse()]) {
      const r = states.map((state) => ({ __typename: 'User', id: ids[state] }));
      const wanted = states.map((state) => ({
        id: ids[state],
        email: state === own ? emailOf(ids[state]) : null,
        status: isStored(state) ? state : 'UNKNOWN',
      }));
      const token = await app.token({ sub: ids[own], scope: 'users:audit' });
      const { data, errors } = await app.graphql(query, { r }, { token });
      expect(data._entities).toEqual(wanted);
      const refused = errors.map(({ path }) => states[path?.[1] as number]);
      expect(refused).toHaveLength(4);
      expect(new Set(refused)).toEqual(new Set(states.filter((state) => state !== own)));
      // Without a scope there are no errors, so that the query runs prepared from its third request on.
      const person = await app.token({ sub: ids[own] });
      for (let run = 0; run < 3; run += 1)
        expect((await app.graphql(query, { r }, { token: person })).data).toEqual({ _entities: wanted });
    }
});

describe.each(actorNames)('%s', (actor) => {
  const isSelf = actors[actor]?.self === true;
  const readsAll = actor === 'users:read' || actor === 'users:write';

  it.each(userStates)('reads the fields of the table by _entities for a user that is %s', async (state) => {
    const response = await ask('_entities', actor, state);
    expect(response.status).toBe(200);
    return isStored(state)
      ? expectCells(response, ['_entities', 0], actor, state)
      : expectUnknown(response, actor, state);
  });

  it.each(userStates)('reads the fields of the table by user(id) for a user that is %s', async (state) => {
    const response = await ask('user', actor, state);
    if (actor === 'anonymous') return expectNothing(response, 'user', ['UNAUTHENTICATED']);
    expect(response.status).toBe(200);
    return isStored(state)
      ? expectCells(response, ['user'], actor, state)
      : expectNothing(response, 'user', []);
  });

  it.each(userStates)('reads only their own profile by me when it is %s', async (state) => {
    const response = await ask('me', actor, state);
    if (actor === 'anonymous') return expectNothing(response, 'me', ['UNAUTHENTICATED']);
    return isSelf && isStored(state)
      ? expectCells(response, ['me'], actor, state)
      : expectNothing(response, 'me', []);
  });

  it.each(userStates)('reads by userByEmail a user that is %s only as staff', async (state) => {
    const response = await ask('userByEmail', actor, state);
    if (actor === 'anonymous') return expectNothing(response, 'userByEmail', ['UNAUTHENTICATED']);
    if (!readsAll) return expectNothing(response, 'userByEmail', ['FORBIDDEN']);
    return isStored(state)
      ? expectCells(response, ['userByEmail'], actor, state)
      : expectNothing(response, 'userByEmail', []);
  });

  it.each(userStates)('reads by userByExternalId a user that is %s only as staff', async (state) => {
    const response = await ask('userByExternalId', actor, state);
    if (actor === 'anonymous') return expectNothing(response, 'userByExternalId', ['UNAUTHENTICATED']);
    if (!readsAll) return expectNothing(response, 'userByExternalId', ['FORBIDDEN']);
    return isStored(state)
      ? expectCells(response, ['userByExternalId'], actor, state)
      : expectNothing(response, 'userByExternalId', []);
  });

  it.each(userStates)('reads by users a user that is %s only as staff', async (state) => {
    const response = await ask('users', actor, state);
    if (actor === 'anonymous') return expectNothing(response, 'users', ['UNAUTHENTICATED']);
    if (!readsAll) return expectNothing(response, 'users', ['FORBIDDEN']);
    if (isStored(state)) return expectCells(response, ['users', 'nodes', 0], actor, state);
    expect(response.data.users.nodes).toEqual([]);
  });
});

it('an actor reads and changes their own profile by their id in upper case', async () => {
  const { id } = await createUser(app, { phoneNumber: '+4915112345678' });
  for (const sub of [id, id.toUpperCase()]) {
    const token = await app.token({ sub });
    const upper = id.toUpperCase();
    const { data, errors } = await app.graphql(
      `query ($id: ID!) {
        user(id: $id) { id phoneNumber }
        userEmailPreferences(userId: $id) { userId }
        _entities(representations: [{ __typename: "User", id: $id }]) { ... on User { phoneNumber } }
      }`,
      { id: upper },
      { token },
    );
    expect([data, errors]).toEqual([
      {
        user: { id, phoneNumber: '+4915112345678' },
        userEmailPreferences: { userId: id },
        _entities: [{ phoneNumber: '+4915112345678' }],
      },
      [],
    ]);
    expect(await mutate(app, 'updateUser', { userId: upper, firstName: `Of ${sub}` }, token)).toMatchObject({
      __typename: 'UpdateUserSuccess',
      user: { firstName: `Of ${sub}` },
    });
  }
});
