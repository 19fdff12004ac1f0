import * as fc from 'fast-check';
import { type ActorName, actorNames, tokenOf } from '../testkit/actors';
import { startTestApp, type TestApp } from '../testkit/app';
import { randomQueries } from '../testkit/random-queries';
import { createUser, mutate } from '../testkit/users';

/** 10,000 with `OPERATIONS=10000`. */
const operations = Number(process.env['OPERATIONS'] ?? 100);

let app: TestApp;
const users: { id: string; email: string }[] = [];
beforeAll(async () => {
  app = await startTestApp();
  for (let count = 0; count < 4; count += 1) users.push(await createUser(app, { phoneNumber: '+4912345' }));
  const [first, second] = users.map(({ id }) => id);
  await mutate(app, 'updateUser', { userId: first, displayName: 'Ada', address: { city: 'London' } });
  await mutate(app, 'deactivateUser', { userId: second, notes: 'asked for it' });
  await mutate(app, 'updateEmailPreferences', { userId: first, newsletter: true });
});
afterAll(() => app.stop());

async function preparedReads(): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return Number(/^user_service_graphql_prepared_reads_total (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** What the audit trail has about reads after a position, and the position after that. */
async function readsAfter(position: string): Promise<{ reads: unknown[]; position: string }> {
  const rows = await app.sql<{ position: string; actor: string; users: unknown; fields: unknown }>(
    `SELECT position::text, actor_id AS actor, user_id AS users, fields FROM audit_entries
     WHERE position > $1 ORDER BY user_id, position`,
    [position],
  );
  const last = rows.map((row) => BigInt(row.position)).reduce((a, b) => (a > b ? a : b), BigInt(position));
  return {
    reads: rows.map(({ actor, users: read, fields }) => ({ actor, users: read, fields })),
    position: String(last),
  };
}

it(
  'a prepared query returns the data, errors and audit entries that Apollo Server returns for it',
  async () => {
    const random = fc.record({ request: randomQueries(users), actor: fc.constantFrom(...actorNames) });
    let { position } = await readsAfter('0');
    let clean = 0;
    let reads = 0;
    for (const { request, actor } of fc.sample(random, { numRuns: operations, seed: Date.now() })) {
      const token = await tokenOf(app, actor as ActorName, (users[0] as { id: string }).id);
      const responses = [];
      const trails = [];
      // The first run is Apollo Server's, the second compiles the query, the third is the prepared one.
      for (let run = 0; run < 3; run += 1) {
        const { status, data, errors } = await app.graphql(request.query, request.variables, { token });
        // Ids of masked errors and of requests differ in each response.
        // Root fields run concurrently, so the order of their errors depends on which is read first.
        const sorted = [...errors].sort((a, b) =>
          JSON.stringify(a.path).localeCompare(JSON.stringify(b.path)),
        );
        responses.push({ status, data, errors: sorted });
        const after = await readsAfter(position);
        position = after.position;
        trails.push(after.reads);
        reads += after.reads.length;
      }
      expect({ request, actor, response: responses[2] }).toEqual({ request, actor, response: responses[0] });
      expect({ request, actor, trail: trails[2] }).toEqual({ request, actor, trail: trails[0] });
      if (responses[0]?.errors.length === 0) clean += 1;
    }
    // Otherwise the comparison would have compared Apollo Server with itself.
    expect(clean).toBeGreaterThan(operations / 8);
    expect(await preparedReads()).toBeGreaterThanOrEqual(clean);
    expect(reads).toBeGreaterThan(0);
  },
  operations * 1_000,
);

describe('a query', () => {
  const ask = (query: string, variables = {}, headers = {}) =>
    app.graphql(query, variables, { token: app.staff, headers });
  const [get, times] = ['query ($id: ID!) { user(id: $id) { id %s } }', 3];
  async function runs(query: string, variables: object = {}, headers = {}): Promise<number> {
    const before = await preparedReads();
    for (let run = 0; run < times; run += 1) await ask(query, { ...variables }, headers);
    return (await preparedReads()) - before;
  }
  const id = () => ({ id: users[0]?.id });

  it('runs prepared from its third request on', async () => {
    expect(await runs(get.replace('%s', 'one: version'), id())).toBe(1);
  });

  it.each([
    ['with a string literal', () => `{ user(id: "${users[0]?.id}") { id two: version } }`, {}],
    ['with a block string', () => '{ userByEmail(email: """unknown@example.com""") { id } }', {}],
    ['that asks for the schema', () => '{ __schema { queryType { name } } }', {}],
    [
      'of a router that asks for a trace',
      () => '{ me { id three: version } }',
      { 'apollo-federation-include-trace': 'ftv1' },
    ],
    [
      'of a client that prefers another media type',
      () => '{ me { id four: version } }',
      { accept: 'application/graphql-response+json, application/json' },
    ],
  ])('%s never runs prepared', async (_what, query, headers) => {
    expect(await runs(query(), {}, headers)).toBe(0);
  });

  it('with more representations than the limit is refused after it was prepared', async () => {
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { five: id } } }';
    expect(await runs(query, { r: [{ __typename: 'User', ...id() }] })).toBe(1);
    const r = Array.from({ length: 1_001 }, () => ({ __typename: 'User', ...id() }));
    const { errors } = await ask(query, { r });
    expect(errors[0]?.extensions).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'representations' });
  });

  it('with an error at an item counts its entities once', async () => {
    const entities = async () => {
      const text = await (await fetch(`${app.url}/metrics`)).text();
      return ['resolved', 'failed'].map((result) =>
        Number(
          new RegExp(`^user_service_entities_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(text)?.[1] ??
            0,
        ),
      );
    };
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { six: id } } }';
    const known = { __typename: 'User', ...id() };
    expect(await runs(query, { r: [known] })).toBe(1);
    const [resolved = 0, failed = 0] = await entities();
    await ask(query, { r: [known, { __typename: 'Dragon' }, known] });
    expect(await entities()).toEqual([resolved + 2, failed + 1]);
  });

  it('of two operations runs the one that is named', async () => {
    const query = 'query One { me { __typename } } query Two { users(first: 1) { nodes { id } } }';
    const send = (operationName: string) =>
      fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${app.staff}` },
        body: JSON.stringify({ query, operationName }),
      }).then((response) => response.json());
    for (let run = 0; run < times; run += 1) {
      expect(Object.keys(((await send('One')) as { data: object }).data)).toEqual(['me']);
      expect(Object.keys(((await send('Two')) as { data: object }).data)).toEqual(['users']);
    }
  });
});

it('a response that is too large leaves one audit entry, also once its query is prepared', async () => {
  const { id } = users[3] as { id: string };
  await mutate(app, 'updateUser', { userId: id, lastName: '\u{1d49c}'.repeat(50) });
  const aliases = Array.from({ length: 50 }, (_, at) => `${'a'.repeat(180)}${at}: lastName`).join(' ');
  const query = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { ${aliases} } } }`;
  const r = Array(1_000).fill({ __typename: 'User', id });
  let { position } = await readsAfter('0');
  for (let run = 0; run < 4; run += 1) {
    const { errors } = await app.graphql(query, { r }, { token: app.staff });
    expect(errors).toMatchObject([{ extensions: { limit: 'responseBytes' } }]);
    const trail = await readsAfter(position);
    expect(trail.reads).toHaveLength(1);
    position = trail.position;
  }
}, 30_000);
