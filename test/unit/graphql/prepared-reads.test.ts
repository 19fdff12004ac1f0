import { buildSchema } from 'graphql';
import type { GraphqlContext } from '../../../src/graphql/context';
import { createGraphqlServer } from '../../../src/graphql/server';
import { createLogger } from '../../../src/telemetry/logger';
import { createMetrics } from '../../../src/telemetry/metrics';
import type { Tracing } from '../../../src/telemetry/tracing';

const schema = buildSchema('type Query { half(of: Int!): Int }');
Object.assign(schema.getQueryType()?.getFields().half ?? {}, {
  resolve: (_source: unknown, { of }: { of: number }) => {
    if (of % 2 === 1) throw new Error('odd');
    return of / 2;
  },
});
const query = 'query ($of: Int!) { half(of: $of) }';

/** What the spans of operations had when they ended. */
let ended: object[] = [];
let started = 0;
const tracing = {
  startSpan: () => {
    started += 1;
    return {
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      end: (it: object) => void ended.push(it),
    };
  },
} as unknown as Tracing;

const { apollo, preparedReads } = createGraphqlServer({
  schema,
  limits: { aliases: 5, depth: 5, tokens: 100, representations: 1, cost: 100 },
  metrics: createMetrics(),
  // Nothing of this schema is audited.
  accessLog: null as never,
  log: createLogger({ level: 'silent' }),
  tracing,
  suggestNames: true,
  cacheControl: { maxAgeSeconds: 1, tagged: false },
  isTooLarge: () => false,
  isUnavailable: () => false,
});
const contextOf = () =>
  ({
    actor: null,
    requestId: 'a',
    traceparent: null,
    reads: { fieldsByUser: new Map() },
    errors: { omitted: 0 },
    entityIds: null,
    deadline: { aborted: false },
  }) as unknown as GraphqlContext;

beforeAll(async () => {
  await apollo.start();
  for (let times = 0; times < 2; times += 1)
    await apollo.executeOperation({ query, variables: { of: 2 } }, { contextValue: contextOf() });
});
afterAll(() => apollo.stop());
beforeEach(() => {
  ended = [];
  started = 0;
});

const respond = (body: object) => preparedReads.respond({ query, ...body }, async () => contextOf());

describe('PreparedReads', () => {
  it.each([
    ['succeeds', 4, '{"data":{"half":2}}', 'success'],
    ['fails, and is repeated', 3, undefined, 'repeated'],
  ])('ends the span of a query that %s', async (_what, of, json, outcome) => {
    expect((await respond({ variables: { of } }))?.json).toBe(json);
    expect(ended).toEqual([
      { name: 'query', failed: false, attributes: { outcome, 'graphql.operation.type': 'query' } },
    ]);
    expect(started).toBe(1);
  });

  it.each([
    ['an empty name', { operationName: '' }],
    ['a name that is no text', { operationName: 1 }],
    ['extensions', { extensions: {} }],
    ['variables in a list', { variables: [4] }],
    ['another text', { query: `${query} ` }],
  ])('leaves a query with %s to Apollo Server', async (_what, body) => {
    expect(await respond({ variables: { of: 4 }, ...body })).toBeNull();
    expect(started).toBe(0);
  });
});
