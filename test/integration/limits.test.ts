import { getIntrospectionQuery } from 'graphql';
import { loadConfig } from '../../src/config';
import { type GraphQLResponse, send, startTestApp, type TestApp } from '../testkit/app';
import { createUser } from '../testkit/users';

let app: TestApp;
/** The same service with other limits. */
let tuned: TestApp;
const settings = {
  LIMIT_TOKENS: '50000',
  LIMIT_ALIASES: '5',
  LIMIT_DEPTH: '4',
  LIMIT_REPRESENTATIONS: '3',
  LIMIT_COST: '100',
};

beforeAll(async () => {
  app = await startTestApp();
  tuned = await startTestApp({ replicaOf: app, config: { limits: loadConfig(settings).limits } });
  await fastest(() => app.graphql('{ __typename }'));
});
afterAll(async () => {
  await tuned.stop();
  await app.stop();
});

const repeated = (text: string, count: number) => Array(count).fill(text).join(' ');
const numbered = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ');
const aliases = (count: number) => `{ ${numbered(count, (index) => `a${index}: __typename`)} }`;
const nested = (depth: number) => `${'{ me '.repeat(depth - 1)}{ id }${' }'.repeat(depth - 1)}`;
/** Returns a document of exactly this many tokens that is within all other limits. */
const tokens = (count: number) =>
  `{ __typename ${repeated('@skip(if: true)', Math.floor((count - 3) / 7))} ${repeated('__typename', (count - 3) % 7)} }`;
const entities = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on User { id } } }';

/** Repeats a request until one takes less than `enoughMs`, 12 times at most. Returns the last response and the shortest time. */
async function fastest(
  ask: () => Promise<GraphQLResponse>,
  enoughMs = 0,
): Promise<{ response: GraphQLResponse; tookMs: number }> {
  let tookMs = Number.POSITIVE_INFINITY;
  for (let attempt = 1; ; attempt += 1) {
    const startedAt = performance.now();
    const response = await ask();
    tookMs = Math.min(tookMs, performance.now() - startedAt);
    if (tookMs < enoughMs || attempt === 12) return { response, tookMs };
  }
}

/** Asserts a response within 100 ms plus the time of 100 plain queries, as other processes share the machine. */
async function expectSwift(ask: () => Promise<GraphQLResponse>): Promise<GraphQLResponse> {
  const plain = await fastest(() => app.graphql('{ __typename }'));
  const limitMs = 100 + 100 * plain.tookMs;
  const { response, tookMs } = await fastest(ask, limitMs);
  expect(tookMs).toBeLessThan(limitMs);
  return response;
}

function expectLimit(
  { status, data, errors }: GraphQLResponse,
  limit: string,
  maximum: number,
  statusCode = 400,
): void {
  expect(errors).toEqual([
    expect.objectContaining({
      extensions: expect.objectContaining({ code: 'LIMIT_EXCEEDED', limit, maximum }),
    }),
  ]);
  expect({ status, data }).toEqual({ status: statusCode, data: null });
}

describe('an operation over a limit is rejected quickly', () => {
  it('aliases: 51, and 5,000 within the limit of tokens', async () => {
    expectLimit(await expectSwift(() => app.graphql(aliases(51))), 'aliases', 50);
    expectLimit(await expectSwift(() => app.graphql(aliases(5_000))), 'tokens', 4_000);
    expectLimit(await expectSwift(() => tuned.graphql(aliases(5_000))), 'aliases', 5);
  });

  it('depth: 13 levels', async () => {
    expectLimit(await expectSwift(() => app.graphql(nested(13))), 'depth', 12);
    expectLimit(await expectSwift(() => tuned.graphql(nested(300))), 'depth', 4);
  });

  it('tokens: 4,001', async () => {
    const { errors } = await app.graphql(tokens(4_000));
    expect(errors.map(({ extensions }) => extensions.code)).not.toContain('LIMIT_EXCEEDED');
    expectLimit(await expectSwift(() => app.graphql(tokens(4_001))), 'tokens', 4_000);
  });

  it('representations: 1,001, and the most that fit in a body', async () => {
    const ask = (count: number) => () => app.graphql(entities, { r: Array(count).fill(1) });
    expectLimit(await expectSwift(ask(1_001)), 'representations', 1_000);
    expectLimit(await expectSwift(ask(120_000)), 'representations', 1_000);
  });

  it.each([
    [
      'lists within lists',
      `{ users(first: 100) { nodes { ${numbered(49, (index) => `h${index}: history(first: 100) { nodes { id data } }`)} } } }`,
      {},
      1 + 100 * (1 + 49 * 101),
    ],
    [
      'lists within entities',
      `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { ${numbered(45, (index) => `h${index}: history(first: 100) { nodes { id } }`)} } } }`,
      { r: Array(1_000).fill({ __typename: 'User', id: 'x' }) },
      1_000 * (1 + 45 * 101),
    ],
  ])('cost: %s', async (_what, query, variables, cost) => {
    const response = await expectSwift(() => app.graphql(query, variables, { token: app.staff }));
    expectLimit(response, 'cost', 20_000);
    expect(response.errors[0]?.extensions.cost).toBe(cost);
  });

  it('exports: two in one operation', async () => {
    const [one, two] = ['a', 'b'].map(
      (name) => `${name}: exportUserData(input: { userId: "x" }) { __typename }`,
    );
    const refused = await app.graphql(`mutation { ${one} ${two} }`, {}, { token: app.staff });
    expectLimit(refused, 'exportUserData', 1);
  });

  it('fragments that expand exponentially', async () => {
    const bomb = numbered(30, (index) => `fragment F${index} on User { ...F${index + 1} ...F${index + 1} }`);
    const response = await expectSwift(() =>
      app.graphql(`{ me { ...F0 } } ${bomb} fragment F30 on User { a: id }`),
    );
    expectLimit(response, 'aliases', 50);
  });

  it('cyclic fragments, with GRAPHQL_VALIDATION_FAILED', async () => {
    const cycles = numbered(
      180,
      (index) =>
        `fragment F${index} on Query { me { id } ${[1, 7, 31].map((step) => `...F${(index + step) % 180}`).join(' ')} }`,
    );
    const { status, errors } = await expectSwift(() => app.graphql(`{ ...F0 } ${cycles}`));
    expect(status).toBe(400);
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
  });

  it.each([['the same field a thousand times', `{ ${repeated('me { id }', 990)} }`]])(
    '%s, by GraphQL validation',
    async (_what, query) => {
      const { status, errors } = await expectSwift(() => app.graphql(query));
      expect([status, errors[0]?.extensions.code]).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
    },
  );

  it('a deeply nested value, by the parser or by validation', async () => {
    const query = `{ user(id: ${'['.repeat(1_900)}${']'.repeat(1_900)}) { id } }`;
    const { status, errors } = await expectSwift(() => app.graphql(query));
    expect(status).toBe(400);
    expect(errors[0]?.extensions.code).toMatch(/^GRAPHQL_(VALIDATION|PARSE)_FAILED$/);
  });

  it.each([
    [
      '200,000 representations',
      () => JSON.stringify({ query: entities, variables: { r: Array(200_000).fill({}) } }),
    ],
    ['a body of 10 MB', () => JSON.stringify({ query: `{ __typename } #${'x'.repeat(10_000_000)}` })],
  ])('body: %s', async (_what, body) => {
    const text = body();
    expectLimit(await expectSwift(() => send(app.url, text)), 'bodyBytes', 262_144, 413);
  });

  it('body: 10 MB in chunks, without content-length', async () => {
    const chunks = () =>
      new ReadableStream({
        start(controller) {
          for (let index = 0; index < 160; index += 1) controller.enqueue(new Uint8Array(65_536).fill(32));
          controller.close();
        },
      });
    const result = await expectSwift(async () => {
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: chunks(),
        duplex: 'half',
      } as RequestInit);
      const { data = null, errors } = (await response.json()) as GraphQLResponse;
      return { status: response.status, data, errors, headers: response.headers };
    });
    expectLimit(result, 'bodyBytes', 262_144, 413);
  });

  it.each([
    ['userByEmail(email: $text) { id }'],
    ['users(filter: { search: $text }) { nodes { id } }'],
    ...['email', 'username', 'firstName', 'lastName'].map((field) => [field]),
  ])('text: combining marks, which take quadratic time to normalise, in %s', async (place) => {
    // A search ignores accents, so the first letter has to be one that no name begins with.
    const text = `ж${'\u0301\u0323'.repeat(40_000)}@example.com`;
    const { id } = await createUser(app);
    const query = place.includes('(')
      ? `query ($text: String!) { ${place} }`
      : `mutation ($text: String!) { updateUser(input: { userId: "${id}", ${place}: $text }) { __typename } }`;
    const { data, errors } = await expectSwift(() => app.graphql(query, { text }, { token: app.staff }));
    expect(errors).toEqual([]);
    expect(JSON.stringify(data)).toMatch(/"userByEmail":null|"nodes":\[\]|InvalidInputError/);
  });

  it.each([0, -1, 101, 2_147_483_647])('page size: %s', async (first) => {
    const { id } = await createUser(app);
    const pages = ['users(first: $first)', 'user(id: $id) { history(first: $first)'];
    for (const page of pages) {
      const end = page.includes('{') ? '}' : '';
      const query = `query ($first: Int, $id: ID = "${id}") { ${page} { nodes { id } } ${end} user(id: $id) { id } }`;
      const { errors } = await app.graphql(query, { first }, { token: app.staff });
      expect(errors.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT']);
    }
  });
});

describe('each limit is a setting', () => {
  it.each([
    ['aliases', 5, aliases(5), aliases(6)],
    ['depth', 4, nested(4), nested(5)],
    ['tokens', 50_000, tokens(50_000), tokens(50_001)],
  ])('LIMIT_%s', async (limit, maximum, within, over) => {
    const passed = await tuned.graphql(within);
    expect(passed.errors.map(({ extensions }) => extensions.code)).not.toContain('LIMIT_EXCEEDED');
    expectLimit(await tuned.graphql(over), limit, maximum);
  });

  it('LIMIT_cost', async () => {
    const ask = (first: number) =>
      tuned.graphql(
        'query ($first: Int) { users(first: $first) { nodes { id } } }',
        { first },
        { token: app.staff },
      );
    expect((await ask(99)).errors).toEqual([]);
    expectLimit(await ask(100), 'cost', 100);
  });

  it('LIMIT_representations', async () => {
    const ask = (count: number) =>
      tuned.graphql(entities, { r: Array(count).fill({ __typename: 'User', id: 'x' }) });
    expect((await ask(3)).data._entities).toHaveLength(3);
    expectLimit(await ask(4), 'representations', 3);
  });
});

describe('operations of routers and tools succeed', () => {
  it('1,000 representations', async () => {
    const { id } = await createUser(app);
    const r = Array.from({ length: 1_000 }, (_, index) => ({
      __typename: 'User',
      id: index % 2 ? id : `x${index}`,
    }));
    const { status, data, errors } = await app.graphql(entities, { r });
    expect({ status, errors }).toEqual({ status: 200, errors: [] });
    expect(data._entities.map((it: { id: string }) => it.id)).toEqual(r.map((it) => it.id));
  });

  it.each([
    ['the introspection query', getIntrospectionQuery()],
    [
      'the introspection query with every option of GraphiQL',
      getIntrospectionQuery({
        descriptions: true,
        specifiedByUrl: true,
        directiveIsRepeatable: true,
        schemaDescription: true,
        inputValueDeprecation: true,
        oneOf: true,
      }),
    ],
    ['the query of composition', '{ _service { sdl } }'],
  ])('%s', async (_what, query) => {
    const { status, data, errors } = await app.graphql(query);
    expect({ status, errors }).toEqual({ status: 200, errors: [] });
    expect(data.__schema?.types.length ?? data._service.sdl.length).toBeGreaterThan(30);
  });
});
