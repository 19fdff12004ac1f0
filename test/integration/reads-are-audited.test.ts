import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf, type TrailEntry } from '../testkit/audit';
import { eventually } from '../testkit/eventually';
import { newId, storeUsers } from '../testkit/stored-users';
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

let database: TestDatabase;
let postgres: TcpProxy;
let app: TestApp;
let witness: Witness;
beforeAll(async () => {
  database = await createTestDatabase();
  postgres = await startTcpProxy(database.url);
  app = await startTestApp({ config: { databaseUrl: postgres.url } });
  witness = await startWitness(`${app.amqpPrefix}audit.events`);
});
afterAll(async () => {
  await witness.close();
  await app.stop();
  await postgres.close();
  await database.drop();
});

interface PageInfo {
  hasNextPage: boolean;
  endCursor: string | null;
}

async function storeUser(): Promise<string> {
  const id = newId('ACTIVE');
  await storeUsers(app, [{ id, state: 'ACTIVE' }]);
  return id;
}

const read = (id: string, selection: string, token: string | undefined = app.staff) =>
  app.graphql(`query ($id: ID!) { user(id: $id) { ${selection} } }`, { id }, { token });

const summariesOf = (trail: TrailEntry[]) =>
  trail.map(({ actor, action, fields }) => [actor, action, fields]);

describe('reading another user', () => {
  it('writes one audit entry with actor, time and the protected fields', async () => {
    const id = await storeUser();
    const before = Date.now();
    await app.graphql(
      `query ($id: ID!) {
         one: user(id: $id) { id displayName status email address { city } }
         two: user(id: $id) { lastName: email history(first: 1) { nodes { id } } }
         userEmailPreferences(userId: $id) { newsletter }
       }`,
      { id },
      { token: app.staff },
    );
    const trail = await auditTrailOf(app, id);
    expect(summariesOf(trail)).toEqual([
      ['staff', 'USER_READ', ['address', 'email', 'emailPreferences', 'history']],
    ]);
    expect(trail[0]?.reason).toBeNull();
    expect(Date.parse(trail[0]?.at ?? '')).toBeGreaterThanOrEqual(before);
    expect(Date.parse(trail[0]?.at ?? '')).toBeLessThanOrEqual(Date.now());
  });

  it('of several users writes one entry, which shows each user only its own fields', async () => {
    const users = await Promise.all([storeUser(), storeUser(), storeUser()]);
    const of = users.map((id) => ({ __typename: 'User', id }));
    for (const field of ['email', 'username']) {
      const { data } = await app.graphql(
        `query ($of: [_Any!]!, $one: ID!) {
           _entities(representations: $of) { ... on User { ${field} } }
           user(id: $one) { lastName }
         }`,
        { of: [...of, { __typename: 'User', id: newId('unknown') }], one: users[1] },
        { token: app.staff },
      );
      expect(data._entities).toHaveLength(4);
    }
    const trails = await Promise.all(users.map((id) => auditTrailOf(app, id)));
    expect(trails.map(summariesOf)).toEqual(
      [[], ['lastName'], []].map((more) => [
        ['staff', 'USER_READ', ['email', ...more]],
        ['staff', 'USER_READ', [...more, 'username']],
      ]),
    );
    const ids = trails.map((trail) => trail.map(({ id }) => id));
    expect(ids).toEqual([ids[0], ids[0], ids[0]]);
    expect(await app.sql('SELECT 1 FROM audit_entries WHERE user_ids @> $1', [users])).toHaveLength(2);
    const published = () =>
      users.map((id) => {
        const events = witness.of(id).filter(({ event }) => event.data.actor === 'staff');
        return events.map(({ messageId }) => messageId);
      });
    // Not read from the outbox: published events are deleted there.
    await eventually(() => expect(published()).toEqual(ids));
  });

  it('is listed with changes in one order, page by page', async () => {
    const { id } = await createUser(app);
    for (const displayName of ['A', 'B', 'C']) {
      await mutate(app, 'updateUser', { userId: id, displayName });
      await read(id, 'email');
    }
    const token = await app.token({ sub: 'pager', scope: 'users:audit' });
    const paged: string[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const { data } = await app.graphql(
        `query ($id: ID!, $after: String) { auditTrail(userId: $id, first: 2, after: $after) {
           nodes { id } pageInfo { hasNextPage endCursor } } }`,
        { id, after },
        { token },
      );
      const { nodes, pageInfo }: { nodes: TrailEntry[]; pageInfo: PageInfo } = data.auditTrail;
      paged.push(...nodes.map((entry) => entry.id));
      more = pageInfo.hasNextPage;
      after = pageInfo.endCursor;
    }
    expect(paged.toReversed()).toEqual((await auditTrailOf(app, id)).map((entry) => entry.id));
    expect(paged.length).toBeGreaterThan(6);
  });

  it('through a list or the result of a mutation writes an audit entry', async () => {
    const id = await storeUser();
    await app.graphql(
      '{ users(first: 100) { nodes { id } edges { node { phoneNumber } } } }',
      {},
      { token: app.staff },
    );
    await app.graphql(
      'mutation ($id: ID!) { updateUser(input: { userId: $id, locale: "de" }) { ... on UpdateUserSuccess { user { locale } } } }',
      { id },
      { token: app.staff },
    );
    await app.graphql(
      `mutation ($id: ID!) { updateEmailPreferences(input: { userId: $id, loyalty: true }) {
         ... on UpdateEmailPreferencesSuccess { emailPreferences { loyalty } } } }`,
      { id },
      { token: app.staff },
    );
    expect(summariesOf(await auditTrailOf(app, id)).filter(([, action]) => action === 'USER_READ')).toEqual([
      ['staff', 'USER_READ', ['phoneNumber']],
      ['staff', 'USER_READ', ['locale']],
      ['staff', 'USER_READ', ['emailPreferences']],
    ]);
  });

  it.each([
    ['userByEmail(email: "ADDRESS") { id }', ['email']],
    ['users(filter: { search: "ADDRESS" }) { nodes { id } }', ['email', 'firstName', 'lastName', 'username']],
    [
      'users(first: 100, filter: { emailVerification: [UNVERIFIED], createdTo: "9999-01-01T00:00:00Z" }) { nodes { id } }',
      ['createdAt', 'emailVerification'],
    ],
    ['users(first: 100, filter: { status: [ACTIVE] }) { nodes { id } }', null],
  ])(
    'by a filter on protected fields audits these fields, also if only the id is selected: %s',
    async (query, fields) => {
      const { id, email } = await createUser(app);
      const token = await app.token({ sub: 'finder', scope: 'users:read' });
      const { data } = await app.graphql(`{ ${query.replace('ADDRESS', email)} }`, {}, { token });
      expect(JSON.stringify(data)).toContain(id);
      const found = summariesOf(await auditTrailOf(app, id)).filter(([actor]) => actor === 'finder');
      expect(found).toEqual(fields ? [['finder', 'USER_READ', fields]] : []);
    },
  );

  it('publishes UserDataAccessed on audit.events, without values', async () => {
    const id = await storeUser();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await app.graphql(
      'query ($id: ID!) { user(id: $id) { email } }',
      { id },
      { token: app.staff, headers: { traceparent } },
    );
    await eventually(() => expect(witness.of(id)).toHaveLength(1));
    // Before reading the trail, which publishes another event.
    const events = witness.of(id);
    const [entry] = await auditTrailOf(app, id);
    expect(events).toEqual([
      {
        routingKey: 'audit.users.accessed',
        messageId: entry?.id,
        contentType: 'application/cloudevents+json',
        persistent: true,
        event: {
          specversion: '1.0',
          id: entry?.id,
          source: '/user-service/audit',
          type: 'UserDataAccessed',
          time: entry?.at,
          datacontenttype: 'application/json',
          dataschema: '/schemas/UserDataAccessed/2.0.0.json',
          traceparent,
          data: {
            accesses: [{ userIds: [id], fields: ['email'] }],
            at: entry?.at,
            actor: 'staff',
            action: 'USER_READ',
          },
        },
      },
    ]);
  });

  it('in concurrent requests writes their entries in batches', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, storeUser));
    await Promise.all(ids.map((id) => read(id, 'email')));
    const rows = await app.sql(
      `SELECT count(*)::int AS entries, count(DISTINCT xmin::text)::int AS transactions
       FROM audit_entries WHERE user_ids && $1`,
      [ids],
    );
    expect(rows).toEqual([{ entries: 40, transactions: expect.any(Number) }]);
    expect(rows[0]?.['transactions']).toBeLessThan(40);
  });

  it('fails if it cannot be audited, while reading oneself succeeds', async () => {
    const id = await storeUser();
    const own = await app.token({ sub: id });
    expect((await read(id, 'email', own)).data.user.email).toBe(`${id}@example.com`);
    await postgres.stop();
    const response = await read(id, 'email');
    expect(response.status).toBe(503);
    expect(response.data).toBeNull();
    expect(response.errors).toMatchObject([{ extensions: { code: 'SERVICE_UNAVAILABLE' } }]);
    const failed = app.logged.filter(({ msg }) => msg === 'auditing a read failed');
    expect(failed.map(({ level }) => level)).toEqual(['warn']);
    expect((await read(id, 'email', own)).data.user.email).toBe(`${id}@example.com`);
    expect((await read(id, 'displayName')).data.user.displayName).toBe(`Known as ${id}`);
    await postgres.resume();
    await eventually(async () => expect((await read(id, 'email')).status).toBe(200));
  });
});

describe('no audit entry is written for', () => {
  it('reading oneself', async () => {
    const id = await storeUser();
    const token = await app.token({ sub: id, scope: 'users:read' });
    await app.graphql('{ me { email history(first: 1) { nodes { id } } } }', {}, { token });
    await read(id.toUpperCase(), 'email emailPreferences { newsletter }', token);
    await app.graphql(
      'query ($id: ID!) { userEmailPreferences(userId: $id) { loyalty } }',
      { id },
      { token },
    );
    expect(await auditTrailOf(app, id)).toEqual([]);
  });

  it('reading public fields, or fields that are forbidden', async () => {
    const id = await storeUser();
    await read(id, 'id displayName status __typename');
    await read(id, 'email', await app.token({ sub: newId('unknown'), scope: 'users:foo' }));
    await read(id, 'email', await app.token({ sub: newId('unknown') }));
    expect(await auditTrailOf(app, id)).toEqual([]);
  });

  it('reading an unknown user', async () => {
    const id = newId('unknown');
    await read(id, 'email');
    await app.graphql(
      'query ($of: [_Any!]!) { _entities(representations: $of) { ... on User { status email } } }',
      { of: [{ __typename: 'User', id }] },
      { token: app.staff },
    );
    expect(await auditTrailOf(app, id)).toEqual([]);
  });
});
