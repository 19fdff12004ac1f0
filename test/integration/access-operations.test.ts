import {
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type GraphQLUnionType,
  getNamedType,
} from 'graphql';
import { type ActorName, actorNames, readTable, tokenOf } from '../testkit/actors';
import { type GraphQLResponse, startTestApp, type TestApp } from '../testkit/app';
import { fieldNames, introspect, selectAll } from '../testkit/introspected';
import { openMailbox } from '../testkit/mailbox';
import { isStored, newId, storeUsers, type UserState, userStates } from '../testkit/stored-users';
import { mutate } from '../testkit/users';

/**
 * Which actor may call which operation on a user, from the contract: allowed (yes), or one UNAUTHENTICATED (401) or
 * FORBIDDEN (no) error at the operation.
 */
const expected = readTable(`
                           anonymous self self+users:foo other orders:read users:foo users:privacy users:audit users:read users:write
  me                       401       yes  yes            yes   yes         yes       yes           yes         yes        yes
  user                     401       yes  yes            yes   yes         yes       yes           yes         yes        yes
  userByEmail              401       no   no             no    no          no        no            no          yes        yes
  userByExternalId         401       no   no             no    no          no        no            no          yes        yes
  users                    401       no   no             no    no          no        no            no          yes        yes
  userEmailPreferences     401       yes  yes            no    no          no        no            no          yes        yes
  auditTrail               401       no   no             no    no          no        no            yes         no         no
  profileAsOf              401       no   no             no    no          no        no            yes         no         no
  createUser               401       yes  no             no    no          no        no            no          no         yes
  updateUser               401       yes  yes            no    no          no        no            no          no         yes
  deactivateUser           401       yes  yes            no    no          no        no            no          no         yes
  reactivateUser           401       no   no             no    no          no        no            no          no         yes
  setExternalId            401       no   no             no    no          no        no            no          no         yes
  removeExternalId         401       no   no             no    no          no        no            no          no         yes
  updateEmailPreferences   401       yes  yes            no    no          no        no            no          no         yes
  requestEmailVerification 401       yes  yes            no    no          no        no            no          no         yes
  requestPhoneVerification 401       yes  yes            no    no          no        no            no          no         yes
  confirmPhone             401       yes  yes            no    no          no        no            no          no         yes
  confirmEmail             yes       yes  yes            yes   yes         yes       yes           yes         yes        yes
  exportUserData           401       yes  yes            no    no          no        yes           no          no         no
  eraseUser                401       yes  yes            no    no          no        yes           no          no         no
  cancelErasure            401       yes  yes            no    no          no        yes           no          no         no
  placeLegalHold           401       no   no             no    no          no        yes           no          no         no
  releaseLegalHold         401       no   no             no    no          no        yes           no          no         no
  erasure                  401       no   no             no    no          no        yes           no          no         no
`);

/** The result of an allowed mutation on a user in each state, in the order of `userStates`. */
const members: Record<string, string[]> = {
  createUser: ['UserIdTaken', 'UserIdTaken', 'UserIdTaken', 'Success', 'InvalidInput'],
  updateUser: ['Success', 'UserNotActive', 'UserNotActive', 'UserNotFound', 'UserNotFound'],
  deactivateUser: ['Success', 'Success', 'UserNotFound', 'UserNotFound', 'UserNotFound'],
  reactivateUser: ['Success', 'Success', 'UserNotFound', 'UserNotFound', 'UserNotFound'],
  setExternalId: ['Success', 'Success', 'UserNotFound', 'UserNotFound', 'UserNotFound'],
  removeExternalId: ['Success', 'Success', 'UserNotFound', 'UserNotFound', 'UserNotFound'],
  updateEmailPreferences: ['Success', 'UserNotActive', 'UserNotActive', 'UserNotFound', 'UserNotFound'],
  requestEmailVerification: ['Success', 'UserNotActive', 'UserNotActive', 'UserNotFound', 'UserNotFound'],
  exportUserData: ['Success', 'Success', 'Success', 'UserNotFound', 'UserNotFound'],
  eraseUser: ['Success', 'Success', 'UserNotFound', 'UserNotFound', 'UserNotFound'],
  cancelErasure: [
    'ErasureNotScheduled',
    'ErasureNotScheduled',
    'UserNotFound',
    'UserNotFound',
    'UserNotFound',
  ],
  placeLegalHold: ['Success', 'Success', 'UserNotFound', 'UserNotFound', 'UserNotFound'],
  releaseLegalHold: ['Success', 'Success', 'UserNotFound', 'UserNotFound', 'UserNotFound'],
  requestPhoneVerification: ['Success', 'UserNotActive', 'UserNotActive', 'UserNotFound', 'UserNotFound'],
  confirmPhone: ['InvalidToken', 'UserNotActive', 'UserNotActive', 'UserNotFound', 'UserNotFound'],
  confirmEmail: ['Success', 'UserNotActive', 'UserNotActive', 'UserNotFound', 'InvalidToken'],
};

const inputs: Record<string, (id: string) => object> = {
  createUser: (userId) => ({ userId, email: `created-${userId}@example.com`, firstName: 'A', lastName: 'B' }),
  updateUser: (userId) => ({ userId, timeZone: 'Europe/Paris' }),
  deactivateUser: (userId) => ({ userId, reason: 'INACTIVITY', notes: 'x' }),
  reactivateUser: (userId) => ({ userId, notes: 'x' }),
  setExternalId: (userId) => ({ userId, system: 'crm', id: `new-${userId}` }),
  removeExternalId: (userId) => ({ userId, system: 'crm' }),
  updateEmailPreferences: (userId) => ({ userId, newsletter: true }),
  requestEmailVerification: (userId) => ({ userId }),
  exportUserData: (userId) => ({ userId }),
  eraseUser: (userId) => ({ userId }),
  cancelErasure: (userId) => ({ userId }),
  placeLegalHold: (userId) => ({ userId, reason: 'x' }),
  releaseLegalHold: (userId) => ({ userId, reason: 'x' }),
  requestPhoneVerification: (userId) => ({ userId }),
  confirmPhone: (userId) => ({ userId, code: '123456' }),
  confirmEmail: (userId) => ({ token: tokens.get(userId) ?? 'malformed' }),
};

/** The one argument of each query: its name, its type, and its value for a user. */
const args: Record<string, [string, string, (id: string) => unknown] | null> = {
  me: null,
  user: ['id', 'ID!', (id) => id],
  userByEmail: ['email', 'String!', (id) => `${id}@example.com`],
  userByExternalId: ['system: "crm", id', 'String!', (id) => id],
  users: ['first', 'Int', () => 1],
  userEmailPreferences: ['userId', 'ID!', (id) => id],
  auditTrail: ['userId', 'ID!', (id) => id],
  profileAsOf: ['at: "2026-01-01T00:00:00Z", userId', 'ID!', (id) => id],
  erasure: ['id', 'ID!', (id) => id],
};

/** Fields of User that every actor may read. */
const publicFields = ['id', 'displayName', 'status'];

let app: TestApp;
let schema: GraphQLSchema;
/** The confirmation tokens of users, by id. */
const tokens = new Map<string, string>();
const key = (operation: string, actor: ActorName, state: UserState) => `${operation} ${actor} ${state}`;
/** A user for each cell of the table, as mutations change users. */
const ids = new Map<string, string>();

beforeAll(async () => {
  app = await startTestApp();
  schema = await introspect(app);
  const users = Object.keys(inputs).flatMap((operation) =>
    actorNames.flatMap((actor) =>
      userStates.map((state) => {
        const id = newId(state);
        ids.set(key(operation, actor, state), id);
        return { id, state, operation };
      }),
    ),
  );
  await storeUsers(app, users);
  await issueConfirmationTokens(
    users.filter(({ operation, state }) => operation === 'confirmEmail' && state !== 'malformed'),
  );
});
afterAll(() => app.stop());

/** Requests tokens while the users are active, then sets their states. */
async function issueConfirmationTokens(users: { id: string; state: UserState }[]): Promise<void> {
  await storeUsers(
    app,
    users.filter(({ state }) => !isStored(state)).map(({ id }) => ({ id, state: 'ACTIVE' })),
  );
  const confirmed = users.map(({ id }) => id);
  await app.sql(`UPDATE users SET status = 'ACTIVE' WHERE id = ANY ($1)`, [confirmed]);
  const mailbox = await openMailbox(app);
  await Promise.all(confirmed.map((userId) => mutate(app, 'requestEmailVerification', { userId })));
  const mails = await Promise.all(confirmed.map((userId) => mailbox.last(userId)));
  await mailbox.close();
  for (const { userId, token } of mails) tokens.set(userId, token);
  for (const { id, state } of users) {
    if (!isStored(state)) await app.sql('DELETE FROM users WHERE id = $1', [id]);
    else if (state !== 'ACTIVE') await app.sql('UPDATE users SET status = $1 WHERE id = $2', [state, id]);
  }
}

async function call(operation: string, actor: ActorName, state: UserState): Promise<GraphQLResponse> {
  const id = ids.get(key(operation, actor, state)) ?? newId(state);
  const token = await tokenOf(app, actor, id);
  const root = (operation in inputs ? schema.getMutationType() : schema.getQueryType()) as GraphQLObjectType;
  const field = root.getFields()[operation];
  const type = getNamedType(field?.type) as GraphQLNamedType;
  if (!(operation in inputs)) {
    const [name, argument, value] = args[operation] ?? [];
    const call = name ? `query ($v: ${argument}) { ${operation}(${name}: $v)` : `{ ${operation}`;
    return app.graphql(`${call} ${selectAll(type, 2)} }`, name ? { v: value?.(id) } : {}, { token });
  }
  const success = (type as GraphQLUnionType).getTypes().find(({ name }) => name.endsWith('Success'));
  const input = String(field?.args[0]?.type);
  return app.graphql(
    `mutation ($input: ${input}) { ${operation}(input: $input) { __typename ... on ${success?.name} ${selectAll(success as never, 3)} } }`,
    { input: inputs[operation]?.(id) },
    { token },
  );
}

function verdictOf({ status, data, errors }: GraphQLResponse, operation: string): string {
  const refusal = errors.find(({ path }) => path?.length === 1 && path[0] === operation);
  if (!refusal) return 'yes';
  expect(errors).toEqual([refusal]);
  expect(data?.[operation] ?? null).toBeNull();
  expect(status).toBe(refusal.extensions.code === 'UNAUTHENTICATED' ? 401 : 200);
  return (
    { UNAUTHENTICATED: '401', FORBIDDEN: 'no' }[refusal.extensions.code as string] ?? JSON.stringify(refusal)
  );
}

/** Asserts that a successful mutation returns only fields that the actor may read. */
function expectReadableFieldsOnly(
  user: Record<string, unknown>,
  errors: GraphQLResponse['errors'],
  actor: ActorName,
): void {
  const hidden = Object.entries(user)
    .filter(([, value]) => value === null)
    .map(([name]) => name);
  const all = fieldNames(schema, 'User');
  const isStaff = actor === 'users:read' || actor === 'users:write';
  const isSelf = actor.startsWith('self');
  const refused = errors.map(({ path, extensions }) => `${path?.at(-1)} ${String(extensions.code)}`);
  const mayNotRead = isStaff ? [] : isSelf ? ['statusNotes'] : all.filter((it) => !publicFields.includes(it));
  expect(hidden).toEqual(expect.arrayContaining(mayNotRead));
  expect(refused).toEqual(actor.includes('users:') ? mayNotRead.map((it) => `${it} FORBIDDEN`) : []);
  if (isStaff || isSelf)
    expect(user).toMatchObject({ email: expect.any(String), firstName: expect.any(String) });
}

it('the table has a row for every query and mutation, and an input for every mutation', () => {
  const present = [...fieldNames(schema, 'Query'), ...fieldNames(schema, 'Mutation')];
  expect(Object.keys(expected).sort()).toEqual(present.filter((name) => !name.startsWith('_')).sort());
  expect(Object.keys(inputs).sort()).toEqual(fieldNames(schema, 'Mutation').sort());
});

describe.each(actorNames)('%s', (actor) => {
  it.each(Object.keys(expected))(
    'gets the result of the table from %s, for users in every state',
    async (name) => {
      for (const [index, state] of userStates.entries()) {
        const response = await call(name, actor, state);
        // A malformed id is never the actor's own.
        const isStranger = state === 'malformed' && actor.startsWith('self');
        const verdict = expected[name]?.[isStranger && name !== 'me' ? 'other' : actor];
        expect([state, verdictOf(response, name)]).toEqual([state, verdict]);
        const member = response.data?.[name];
        if (verdict !== 'yes' || !(name in inputs)) continue;
        const wanted = members[name]?.[index];
        const type =
          wanted === 'Success' ? `${name.charAt(0).toUpperCase()}${name.slice(1)}Success` : `${wanted}Error`;
        expect([state, member.__typename]).toEqual([state, type]);
        if (member.user) expectReadableFieldsOnly(member.user, response.errors, actor);
        else expect(response.errors).toEqual([]);
      }
    },
  );
});
