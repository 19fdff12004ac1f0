import { ApolloServer } from '@apollo/server';
import { buildSchema, getIntrospectionQuery, type OperationDefinitionNode, parse } from 'graphql';
import pino from 'pino';
import { settings } from '../../../src/settings';
import { createErrorMask } from '../../../src/subgraph/error-mask';
import { createOperationLimitsCheck, type Limits, limitOptions } from '../../../src/subgraph/limits';

const defaults: Limits = {
  aliases: settings.LIMIT_ALIASES.fallback,
  depth: settings.LIMIT_DEPTH.fallback,
  tokens: settings.LIMIT_TOKENS.fallback,
  representations: settings.LIMIT_REPRESENTATIONS.fallback,
  cost: settings.LIMIT_COST.fallback,
};

const schema = buildSchema(/* GraphQL */ `
  scalar _Any
  type Person { id: ID, friend: Person, friends: [Person] }
  directive @listSize(slicingArguments: [String!]) on FIELD_DEFINITION
  type Query {
    me: Person
    friends: [Person!]
    people(first: Int = 20): [Person!] @listSize(slicingArguments: ["first"])
    _entities(representations: [_Any!]!): [Person]!
  }
`);

async function refusal(
  query: string,
  {
    variables,
    operationName,
    ...limits
  }: Partial<Limits> & {
    variables?: Record<string, unknown>;
    operationName?: string;
  } = {},
) {
  const mask = createErrorMask({
    logger: pino({ level: 'silent' }),
    requestId: () => 'r',
    isUnavailable: () => false,
  });
  const all = { ...defaults, ...limits };
  let resolved = 0;
  const server = new ApolloServer({
    schema,
    ...limitOptions(all, createOperationLimitsCheck(schema, all, ['me'])),
    formatError: mask.formatError,
    rootValue: {
      me: () => {
        resolved += 1;
        return {};
      },
      _entities: () => {
        resolved += 1;
        return [];
      },
    },
    introspection: true,
  });
  const started = performance.now();
  const { body, http } = await server.executeOperation({
    query,
    ...(variables && { variables }),
    ...(operationName && { operationName }),
  });
  const tookMs = performance.now() - started;
  await server.stop();
  if (body.kind !== 'single') throw new Error('expected one result');
  const errors = body.singleResult.errors;
  if (errors) expect(resolved).toBe(0);
  return { error: errors?.[0], errors, status: http.status, tookMs };
}

const nested = (depth: number) => `${'{ friend '.repeat(depth - 1)}${'}'.repeat(depth - 1)}`;
const aliases = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `a${index + from}: __typename`).join(' ');

describe('limits', () => {
  it.each([
    [
      'aliases',
      50,
      `{ ${aliases(51)} }`,
      'The operation has more than 50 aliases, the limit set by LIMIT_ALIASES.',
    ],
    [
      'depth',
      12,
      `{ me ${nested(12).replace('friend }', 'friend { id } }')} }`,
      'The operation is nested more than 12 levels deep, the limit set by LIMIT_DEPTH.',
    ],
    [
      'tokens',
      4000,
      `{ ${'__typename '.repeat(4000)} }`,
      'The document has more than 4000 tokens, the limit set by LIMIT_TOKENS.',
    ],
  ])(
    'refuse an operation over the limit on %s and name limit, value and setting',
    async (limit, maximum, query, message) => {
      const { error, status } = await refusal(query);
      expect(error).toMatchObject({ message, extensions: { code: 'LIMIT_EXCEEDED', limit, maximum } });
      expect(Object.keys(error?.extensions ?? {}).sort()).toEqual(['code', 'limit', 'maximum']);
      expect(status).toBe(400);
    },
  );

  it.each([
    ['50 aliases', `{ ${aliases(50)} }`],
    ['12 levels', `{ me ${'{ friend '.repeat(10)}{ id }${'}'.repeat(10)} }`],
    ['an introspection query', getIntrospectionQuery()],
    ['the same field many times', `{ ${'__typename '.repeat(40)} }`],
  ])('allow %s', async (_what, query) => {
    expect((await refusal(query)).errors).toBeUndefined();
  });

  it.each([
    [
      'lists within lists',
      '{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }',
    ],
    ['types of types', `{ __type(name: "Person") { ${'ofType { '.repeat(20)} name ${'}'.repeat(20)} } }`],
  ])('restrict the depth of introspection separately: %s', async (_what, query) => {
    const { error } = await refusal(query);
    expect(error?.extensions).toEqual({ code: 'LIMIT_EXCEEDED', limit: 'depth' });
    expect(error?.message).toBe('The introspection query is nested too deeply.');
  });

  it('count aliases and depth with fragments expanded', async () => {
    const spread = await refusal(
      `{ me { ...A friend { ...A } } } fragment A on Person { ${aliases(26).replaceAll('__typename', 'id')} }`,
    );
    expect(spread.error?.extensions).toMatchObject({ limit: 'aliases' });
    const deep = await refusal(
      `{ me { ...A } } fragment A on Person { friend { friend { friend { friend { friend { friend { ...B } } } } } } }
       fragment B on Person { ... { friend { friend { friend { friend { friend { id } } } } } } }`,
    );
    expect(deep.error?.extensions).toMatchObject({ limit: 'depth' });
  });

  it('apply to each operation of a document', async () => {
    const two = `query A { ${aliases(40)} } query B { ${aliases(40, 40)} }`;
    expect((await refusal(two, { operationName: 'A' })).errors).toBeUndefined();
    const oneTooBig = `query A { ${aliases(1)} } query B { ${aliases(51)} }`;
    expect((await refusal(oneTooBig, { operationName: 'A' })).error?.extensions).toMatchObject({
      limit: 'aliases',
    });
  });

  it('refuse a fragment bomb within 2 s', async () => {
    const fragments = Array.from(
      { length: 200 },
      (_, index) =>
        `fragment F${index} on Person { a: friend { ...F${index + 1} } b: friend { ...F${index + 1} } }`,
    );
    const { error, tookMs } = await refusal(
      `{ me { ...F0 } } ${fragments.join(' ')} fragment F200 on Person { id }`,
    );
    expect(error?.extensions?.code).toBe('LIMIT_EXCEEDED');
    expect(tookMs).toBeLessThan(2_000);
  });

  it('leave circular fragments to validation', async () => {
    const { error } = await refusal(
      '{ me { ...A } } fragment A on Person { ...B } fragment B on Person { ...A id }',
    );
    expect(error?.extensions?.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  it('refuse 5,000 aliases within 250 ms', async () => {
    const { error, tookMs } = await refusal(`{ ${aliases(5_000)} }`);
    expect(error?.extensions).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'tokens' });
    expect(tookMs).toBeLessThan(250);
    const widened = await refusal(`{ ${aliases(5_000)} }`, { tokens: 1_000_000 });
    expect(widened.error?.extensions).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'aliases' });
  });
});

describe('the limit on representations', () => {
  const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { id } }';
  const representations = (count: number) =>
    Array.from({ length: count }, (_, id) => ({ __typename: 'Person', id: String(id) }));
  const over = {
    message: 'The operation has more than 1000 representations, the limit set by LIMIT_REPRESENTATIONS.',
    extensions: { code: 'LIMIT_EXCEEDED', limit: 'representations', maximum: 1000 },
  };

  it('allows 1,000 and refuses 200,000 within 250 ms', async () => {
    expect((await refusal(query, { variables: { r: representations(1_000) } })).errors).toBeUndefined();
    const { error, tookMs, status } = await refusal(query, { variables: { r: representations(200_000) } });
    expect(error).toMatchObject(over);
    expect(status).toBe(400);
    expect(tookMs).toBeLessThan(250);
  });

  it('applies to calls of one operation with different numbers of representations', () => {
    const document = parse(query);
    const operation = document.definitions[0] as OperationDefinitionNode;
    const check = createOperationLimitsCheck(schema, { ...defaults, representations: 3 });
    const call = (count: number) => () =>
      check({ document, operation, variables: { r: representations(count) } });
    for (const _repeat of [1, 2]) {
      expect(call(3)).not.toThrow();
      expect(call(4)).toThrow('more than 3 representations');
    }
  });

  it('counts all _entities fields of an operation together', async () => {
    const { error } = await refusal(
      `query ($r: [_Any!]!) { a: _entities(representations: $r) { id } ...Rest }
       fragment Rest on Query { ... { b: _entities(representations: $r) { id } } }`,
      { variables: { r: representations(501) } },
    );
    expect(error).toMatchObject(over);
  });

  it('counts a field that fragments repeat once', async () => {
    const { errors } = await refusal(
      `query ($r: [_Any!]!) { _entities(representations: $r) { id } ...Rest }
       fragment Rest on Query { _entities(representations: $r) { id } }`,
      { variables: { r: representations(600) } },
    );
    expect(errors).toBeUndefined();
  });

  it.each([
    ['literals', '{ _entities(representations: [1, 2, 3]) { id } }', {}],
    ['defaults', 'query ($r: [_Any!]! = [1, 2, 3]) { _entities(representations: $r) { id } }', {}],
    [
      'variables inside a literal',
      'query ($a: _Any!) { _entities(representations: [$a, $a, $a]) { id } }',
      { a: 1 },
    ],
  ])('counts %s too', async (_what, document, variables) => {
    expect((await refusal(document, { variables, representations: 3 })).errors).toBeUndefined();
    expect((await refusal(document, { variables, representations: 2 })).error?.extensions).toMatchObject({
      limit: 'representations',
      maximum: 2,
    });
  });

  it('applies only to the operation that is executed', async () => {
    const two = `query A { me { id } } ${query.replace('query', 'query B')}`;
    const variables = { r: representations(2_000) };
    expect((await refusal(two, { operationName: 'A', variables })).errors).toBeUndefined();
    expect((await refusal(two, { operationName: 'B', variables })).error).toMatchObject(over);
  });
});

describe('the limit on cost', () => {
  const query = 'query ($n: Int) { people(first: $n) { friends { id } } }';

  it('refuses an operation that may return more objects, and says which page size fits', async () => {
    expect((await refusal(query, { variables: { n: 50 }, cost: 300 })).errors).toBeUndefined();
    const { error, status } = await refusal(query, { variables: { n: 51 }, cost: 300 });
    expect(error).toMatchObject({
      message:
        'The operation has a cost of 306, more than 300, the limit set by LIMIT_COST. With page sizes of at most 50 it would be accepted.',
      extensions: { code: 'LIMIT_EXCEEDED', limit: 'cost', maximum: 300, cost: 306 },
    });
    expect(status).toBe(400);
  });

  it('suggests fewer fields where no page size fits', async () => {
    const { error } = await refusal('{ a: friends { id } b: friends { id } }', { cost: 9 });
    expect(error?.message).toBe(
      'The operation has a cost of 10, more than 9, the limit set by LIMIT_COST. Select fewer fields, or split the operation.',
    );
  });

  it('applies to calls of one operation with different variables', async () => {
    const document = parse('query ($n: Int, $on: Boolean!) { people(first: $n) @include(if: $on) { id } }');
    const operation = document.definitions[0] as OperationDefinitionNode;
    const check = createOperationLimitsCheck(schema, { ...defaults, cost: 10 });
    const call = (variables: Record<string, unknown>) => () => check({ document, operation, variables });
    for (const _repeat of [1, 2]) {
      expect(call({ n: 10, on: true })).not.toThrow();
      expect(call({ n: 11, on: false })).not.toThrow();
      expect(call({ n: 11, on: true })).toThrow('cost of 11');
      expect(call({ on: true })).toThrow('cost of 20');
    }
  });
});

describe('a root field that an operation may contain once', () => {
  it('is refused under a second name', async () => {
    const { error, status } = await refusal('{ me { id } ...B } fragment B on Query { b: me { id } }');
    expect(error).toMatchObject({
      message: 'An operation may contain me only once.',
      extensions: { code: 'LIMIT_EXCEEDED', limit: 'me', maximum: 1 },
    });
    expect(status).toBe(400);
  });

  it('is accepted if the second one is merged or skipped', async () => {
    expect((await refusal('{ me { id } me { id } b: me @skip(if: true) { id } }')).errors).toBeUndefined();
  });
});
