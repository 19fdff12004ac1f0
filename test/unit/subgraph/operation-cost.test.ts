import fc from 'fast-check';
import {
  buildSchema,
  executeSync,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import { createSchema } from '../../../src/graphql/schema';
import { OperationCosts } from '../../../src/subgraph/operation-cost';

function costOf(
  costs: OperationCosts,
  source: string,
  variables: Record<string, unknown> = {},
  pageSize?: number,
) {
  const document = parse(source);
  const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  return costs.costOf({ document, operation: operation as OperationDefinitionNode, variables }, pageSize);
}

describe('the cost of an operation on the graph', () => {
  const schema = createSchema([]);
  const costs = new OperationCosts(schema);
  const entities = (count: number) => ({ r: Array.from({ length: count }, () => ({})) });
  const entitiesOf = (selection: string) =>
    `query ($r: [_Any!]!) { _entities(representations: $r) { ... on User ${selection} } }`;

  it.each([
    ['users', '{ users(first: 100) { nodes { id email } } }', 101],
    ['nested pages', '{ users(first: 50) { nodes { id history(first: 5) { nodes { id } } } } }', 351],
    ['entities', entitiesOf('{ id displayName emailPreferences { marketing } }'), 200, entities(100)],
    ['the default page size', '{ users { nodes { id } } }', 21],
    ['null, which selects the default page size', '{ users(first: null) { nodes { id } } }', 21],
    [
      'a variable without a value',
      'query ($n: Int) { users(first: $n) { nodes { id } pageInfo { endCursor } } }',
      22,
    ],
    ['a variable', 'query ($n: Int) { users(first: $n) { nodes { id } } }', 8, { n: 7 }],
    ['a default of a variable', 'query ($n: Int = 6) { users(first: $n) { nodes { id } } }', 7],
    [
      'null in a variable with a default',
      'query ($n: Int = 6) { users(first: $n) { nodes { id } } }',
      21,
      { n: null },
    ],
    ['nodes and edges', '{ users(first: 10) { nodes { id } edges { cursor node { id } } } }', 31],
    [
      'page sizes out of range',
      '{ a: users(first: 1000) { nodes { id } } b: users(first: -1) { nodes { id } } }',
      102,
    ],
    ['a list without page size', '{ me { commerce { spent { amount } } } }', 7],
    ['scalars', '{ me { id email createdAt } }', 1],
    ['introspection', '{ __schema { types { fields { name } } } __typename }', 0],
    ['merged fields', '{ users(first: 9) { nodes { id } } users(first: 9) { nodes { email } } }', 10],
    ['aliases', '{ a: users(first: 9) { nodes { id } } b: users(first: 9) { nodes { id } } }', 20],
    [
      '@skip and @include',
      '{ me { commerce @skip(if: true) { orderCount } ... @include(if: false) { address { city } } } }',
      1,
    ],
    [
      '@include with a variable',
      'query ($c: Boolean = false) { me { commerce @include(if: $c) { orderCount } } }',
      2,
      { c: true },
    ],
    [
      '@include with a default',
      'query ($c: Boolean = false) { me { commerce @include(if: $c) { orderCount } } }',
      1,
    ],
    [
      'a literal representation',
      '{ _entities(representations: [{__typename: "User", id: "1"}]) { ... on User { id } } }',
      1,
    ],
    [
      'a mutation',
      'mutation { updateUser(input: {userId: "1"}) { ... on UpdateUserSuccess { user { id } } } }',
      11,
    ],
    [
      'the most expensive member of a union',
      'mutation { updateUser(input: {userId: "1"}) { ... on UpdateUserSuccess { user { id } } ... on InvalidInputError { fields { path } } } }',
      15,
    ],
    [
      'an export',
      'mutation { exportUserData(input: {userId: "1"}) { ... on ExportUserDataSuccess { export { document } } } }',
      1001,
    ],
  ])('counts %s', (_what, source, expected, variables: Record<string, unknown> = {}) => {
    expect(validate(schema, parse(source))).toEqual([]);
    expect(costOf(costs, source, variables)).toBe(expected);
  });

  it('counts larger page sizes as the given maximum', () => {
    const source = '{ users(first: 50) { nodes { id history(first: 5) { nodes { id } } } } }';
    expect(costOf(costs, source, {}, 10)).toBe(1 + 10 * (1 + 1 + 5));
    expect(costOf(costs, source, {}, 2)).toBe(1 + 2 * (1 + 1 + 2));
  });

  it('is the same for every order of slicing arguments and takes the given one over a default', () => {
    const listed = new OperationCosts(people);
    expect(costOf(listed, '{ me { crowd(last: 1) { nodes { id } } } }')).toBe(3);
    expect(costOf(listed, '{ me { crowd(last: 1, first: 4) { nodes { id } } } }')).toBe(6);
    expect(costOf(listed, '{ me { crowd(first: 4, last: 1) { totalCount } } }')).toBe(52);
  });
});

const people = buildSchema(/* GraphQL */ `
  directive @cost(weight: Int!) on FIELD_DEFINITION
  directive @listSize(
    assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true
  ) on FIELD_DEFINITION
  interface Being { id: ID, friend: Person, others: [Person!] @listSize(assumedSize: 2) }
  type Person implements Being {
    id: ID
    friend: Person
    others: [Person!] @listSize(assumedSize: 2)
    some(first: Int = 1): [Person!] @listSize(slicingArguments: ["first"])
    crowd(first: Int = 2, last: Int): Crowd
      @listSize(slicingArguments: ["first", "last"], sizedFields: ["nodes", "edges"])
  }
  type Crowd { nodes: [Person!]! edges: [Edge!]! totalCount: Int @cost(weight: 50) }
  type Edge { node: Person! }
  type Query { me: Person }
`);

/** Counts what an execution resolves in which every list has the size of its page. */
function countObjects(source: string, variables: Record<string, unknown>): number {
  let cost = 0;
  const { errors } = executeSync({
    schema: people,
    document: parse(source),
    variableValues: variables,
    rootValue: {},
    fieldResolver: (parent: { pageSize?: number }, args, _context, { fieldName, returnType }) => {
      const weight = fieldName === 'totalCount' ? 50 : isCompositeType(getNamedType(returnType)) ? 1 : 0;
      const size = fieldName === 'others' ? 2 : (args['first'] ?? parent.pageSize);
      const items = isListType(getNullableType(returnType)) ? size : 1;
      cost += weight * items;
      const one = fieldName === 'crowd' ? { pageSize: size } : {};
      if (weight !== 1) return 1;
      return isListType(getNullableType(returnType)) ? Array.from({ length: items }, () => one) : one;
    },
  });
  expect(errors).toBeUndefined();
  return cost;
}

/** Random selections on Person. Response names determine arguments, so that all fields can be merged. */
const selections = fc.letrec<{ person: string }>((tie) => ({
  person: fc
    .array(
      fc.oneof(
        { maxDepth: 2, depthSize: 'small' },
        fc.constantFrom('id', '__typename', '...F0', '...F1', '...F1 @include(if: $yes)'),
        fc
          .tuple(fc.constantFrom('friend', 'others', 'other: others', 'friend @skip(if: $no)'), tie('person'))
          .map(([field, inner]) => `${field} ${inner}`),
        fc
          .tuple(
            fc.constantFrom(
              'some',
              'some2: some(first: 2)',
              'someN: some(first: $n)',
              'someM: some(first: $m)',
            ),
            tie('person'),
          )
          .map(([field, inner]) => `${field} ${inner}`),
        fc
          .tuple(
            fc.constantFrom('crowd', 'crowd3: crowd(first: 3)', 'crowdN: crowd(first: $n)'),
            tie('person'),
            tie('person'),
          )
          .map(([field, one, other]) => `${field} { nodes ${one} edges { node ${other} } totalCount }`),
        fc
          .tuple(fc.constantFrom('...', '... on Person', '... @include(if: $no)'), tie('person'))
          .map(([fragment, inner]) => `${fragment} ${inner}`),
        tie('person').map((inner) => `... on Being { friend ${inner} }`),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((fields) => `{ ${fields.join(' ')} }`),
}));
const withoutSpreads = selections.person.map((it) =>
  it.replaceAll(/\.\.\.F\d( @include\(if: \$yes\))?/g, 'id'),
);

it('the cost of random operations is what an execution with full pages counts', () => {
  const costs = new OperationCosts(people);
  fc.assert(
    fc.property(
      selections.person,
      selections.person.map((it) => it.replaceAll('...F0', 'id').replaceAll('...F1', 'id')),
      withoutSpreads,
      fc.record({ n: fc.constantFrom(0, 1, 3), yes: fc.boolean() }, { requiredKeys: ['n'] }),
      (root, first, second, variables) => {
        const source = `query ($n: Int, $m: Int = 2, $yes: Boolean! = true, $no: Boolean! = false) {
          me ${root} spare: me { id ...F0 ...F1 }
        } fragment F0 on Person ${first} fragment F1 on Being { friend ${second} }`;
        expect(costOf(costs, source, variables)).toBe(countObjects(source, variables));
      },
    ),
    { numRuns: 100 },
  );
});

it('estimates fragments that spread each other many times in linear time', () => {
  const levels = Array.from(
    { length: 300 },
    (_, index) =>
      `fragment F${index} on Person { friend { ...F${index + 1} ...F${index + 1} } a: friend { ...F${index + 1} } }`,
  );
  const source = `{ me { ...F0 } } ${levels.join(' ')} fragment F300 on Person { id }`;
  expect(costOf(new OperationCosts(people), source)).toBe(Number.MAX_SAFE_INTEGER);
});
