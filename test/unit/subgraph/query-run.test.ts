import {
  type DocumentNode,
  execute,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  GraphQLUnionType,
  getOperationAST,
  parse,
} from 'graphql';
import { setObjectGuard } from '../../../src/subgraph/object-guard';
import { PreparedOperation } from '../../../src/subgraph/prepared-operations';

interface Animal {
  readonly kind: 'Cat' | 'Dog';
  readonly name: string | null;
  readonly lives?: number;
  readonly kittens?: (Animal | null)[] | null;
}

const tom: Animal = {
  kind: 'Cat',
  name: 'Tom',
  lives: 9,
  kittens: [{ kind: 'Cat', name: null, lives: 8, kittens: [] }, null],
};
const rex: Animal = { kind: 'Dog', name: 'Rex' };

/** The names of the fields that the guard was asked for, for each object. */
let guarded: string[] = [];
/** How many resolvers of `later` run at the same time. */
let running = 0;
let mostRunning = 0;

const cat: GraphQLObjectType = new GraphQLObjectType<Animal>({
  name: 'Cat',
  fields: () => ({
    name: { type: GraphQLString },
    lives: { type: new GraphQLNonNull(GraphQLInt) },
    kittens: { type: new GraphQLList(cat) },
    echo: {
      type: GraphQLString,
      args: { text: { type: GraphQLString, defaultValue: 'nothing' }, times: { type: GraphQLInt } },
      resolve: ({ name }, { text, times = 1 }) => `${name} says ${`${text} `.repeat(times)}`,
    },
    sum: {
      type: GraphQLString,
      args: { of: { type: new GraphQLList(GraphQLInt), defaultValue: [7] } },
      resolve: (_source, { of }: { of: number[] | null }) => String(of && of.reduce((a, b) => a + b, 0)),
    },
    later: {
      type: GraphQLString,
      async resolve({ name }) {
        running += 1;
        mostRunning = Math.max(mostRunning, running);
        await Promise.resolve();
        running -= 1;
        return name && `later ${name}`;
      },
    },
    broken: { type: GraphQLString, resolve: () => Promise.reject(new Error('broken')) },
    never: { type: new GraphQLNonNull(GraphQLString), resolve: () => null },
  }),
});
const dog = new GraphQLObjectType<Animal>({ name: 'Dog', fields: { name: { type: GraphQLString } } });
const animal = new GraphQLUnionType({
  name: 'Animal',
  types: [cat, dog],
  resolveType: ({ kind }: Animal) => kind,
});
const query = new GraphQLObjectType({
  name: 'Query',
  fields: {
    cat: { type: cat, resolve: async () => tom },
    cats: { type: new GraphQLList(cat), resolve: () => [tom, tom.kittens?.[0], tom] },
    animals: {
      type: new GraphQLNonNull(new GraphQLList(animal)),
      resolve: () => [tom, Promise.resolve(rex), null],
    },
    grid: {
      type: new GraphQLList(new GraphQLList(GraphQLInt)),
      resolve: () => [[1, null], null, [], [2, 3]],
    },
    bad: { type: new GraphQLList(animal), resolve: () => [rex, new Error('bad item')] },
  },
});
const schema = new GraphQLSchema({ query, types: [cat, dog] });

async function runBoth(text: string, variables: Record<string, unknown> = {}) {
  const document: DocumentNode = parse(text);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('no operation');
  const expected = await execute({ schema, document, variableValues: variables, contextValue: {} });
  const planned = new PreparedOperation(schema, document, operation);
  const actual = await planned.run({}, variables).catch(() => 'failed');
  // As text, because the order of keys is part of a response.
  return { expected, actual: JSON.stringify(actual), wanted: JSON.stringify(expected.data) };
}

describe('a planned query', () => {
  it.each([
    ['fields, aliases and __typename', '{ cat { b: name __typename lives a: name } }', {}],
    ['nested lists with nulls', '{ cat { kittens { name kittens { name } lives } } grid }', {}],
    [
      'a union with promises in its list',
      '{ animals { __typename ... on Cat { lives } ... on Dog { name } } }',
      {},
    ],
    [
      'merged fields and fragments',
      '{ cat { ...F kittens { lives } } } fragment F on Cat { name kittens { name } }',
      {},
    ],
    ['literal arguments', '{ cat { echo(times: 2) other: echo(text: null) } }', {}],
    ['variables', 'query ($t: String, $n: Int = 3) { cat { echo(text: $t, times: $n) } }', { t: 'hi' }],
    ['variables that are left out', 'query ($t: String) { cat { echo(text: $t) } }', {}],
    ['a variable that is null', 'query ($t: String) { cat { echo(text: $t) } }', { t: null }],
    ['a list in a variable', 'query ($of: [Int]) { cat { sum(of: $of) } }', { of: [1, null, -(2 ** 31)] }],
    ['a list that is null', 'query ($of: [Int] = [1]) { cat { sum(of: $of) } }', { of: null }],
    ['a list of one value', 'query ($of: [Int]) { cat { sum(of: $of) } }', { of: 3 }],
    [
      'a default that @include replaces',
      'query ($yes: Boolean = true) { cat { lives name @include(if: $yes) } }',
      { yes: false },
    ],
    ['@skip', 'query ($no: Boolean!) { cat { name @skip(if: $no) lives } }', { no: true }],
    ['@include', 'query ($yes: Boolean = false) { cat { lives name @include(if: $yes) } }', {}],
    [
      '@skip and @include on one field',
      'query ($yes: Boolean!) { cat { name @skip(if: $yes) @include(if: $yes) lives } }',
      { yes: true },
    ],
    ['promises of fields', '{ cat { later kittens { later name } name } }', {}],
  ])('returns what graphql-js returns for %s', async (_what, text, variables) => {
    const { expected, actual, wanted } = await runBoth(text, variables);
    expect(expected.errors).toBeUndefined();
    expect(actual).toBe(wanted);
  });

  it.each([
    ['a resolver that rejects', '{ cat { broken } }', {}],
    ['null for a type that allows none', '{ cat { kittens { never } } }', {}],
    ['an error in a list', '{ bad { __typename } }', {}],
    ['an argument that cannot be coerced', 'query ($n: Int) { cat { echo(times: $n) } }', { n: 'one' }],
    ['an item that cannot be coerced', 'query ($of: [Int]) { cat { sum(of: $of) } }', { of: [1, 'one'] }],
    ['a number beyond 32 bits', 'query ($of: [Int]) { cat { sum(of: $of) } }', { of: [2 ** 31] }],
  ])('returns no data for %s', async (_what, text, variables) => {
    const { expected, actual } = await runBoth(text, variables);
    expect(expected.errors).toHaveLength(1);
    expect(['"failed"', 'null']).toContain(actual);
  });

  it.each([
    ['include', true],
    ['skip', false],
  ])('has a plan for each value of the variable in @%s', async (directive, shown) => {
    const document = parse(`query ($if: Boolean!) { cat { lives name @${directive}(if: $if) } }`);
    const planned = new PreparedOperation(schema, document, getOperationAST(document) as never);
    for (const given of [true, false, true]) {
      const data = await planned.run({}, { if: given });
      expect(data).toEqual({ cat: { lives: 9, ...(given === shown && { name: 'Tom' }) } });
    }
  });

  it('calls the resolvers of a field for all objects in one tick', async () => {
    const document = parse('{ cat { kittens { later } ... on Cat { later a: later b: later } } }');
    const planned = new PreparedOperation(schema, document, getOperationAST(document) as never);
    mostRunning = 0;
    await planned.run({}, {});
    expect(mostRunning).toBe(4);
  });

  /** Hides the lives of a cat without a name. */
  function guardCats(): void {
    guarded = [];
    setObjectGuard<Animal, object>(cat, {
      unguarded: new Map(Object.values(cat.getFields()).map(({ name, resolve }) => [name, resolve])),
      filterFor: (names) => (source) => {
        guarded.push(`${source.name}: ${names.join()}`);
        return source.name === null ? names.map((name) => name !== 'lives') : null;
      },
    });
  }

  it('asks the guard once for each object and shows only the fields that it permits', async () => {
    guardCats();
    const document = parse('{ cat { lives kittens { __typename lives later name } } }');
    const planned = new PreparedOperation(schema, document, getOperationAST(document) as never);
    expect(await planned.run({}, {})).toEqual({
      cat: { lives: 9, kittens: [{ __typename: 'Cat', lives: null, later: null, name: null }, null] },
    });
    expect(guarded).toEqual(['Tom: lives,kittens', 'null: lives,later,name']);
  });

  it('hides fields of one object of a list also between objects that show all of them', async () => {
    guardCats();
    const document = parse('{ cats { name lives } }');
    const planned = new PreparedOperation(schema, document, getOperationAST(document) as never);
    const all = { name: 'Tom', lives: 9 };
    expect(await planned.run({}, {})).toEqual({ cats: [all, { name: null, lives: null }, all] });
  });
});
