import { buildSchema, getOperationAST, parse } from 'graphql';
import { PreparedOperations } from '../../../src/subgraph/prepared-operations';

const schema = buildSchema('type Query { id: ID name: String }');
for (const field of Object.values(schema.getQueryType()?.getFields() ?? {})) field.resolve = () => field.name;

/** Registers a query as often as it takes to prepare it. */
function prepare(operations: PreparedOperations, text: string, operationName: string | null = null): void {
  const document = parse(text);
  const operation = getOperationAST(document, operationName);
  if (!operation) throw new Error('no operation');
  for (let times = 0; times < 2; times += 1) operations.register(text, operationName, document, operation);
}

/** A query with this many characters, and another one for each number. */
const queryOf = (length: number, number: number) => `{ id a${number}: id }`.padEnd(length);

describe('PreparedOperations', () => {
  it('prepares a query that is registered for the second time', () => {
    const operations = new PreparedOperations(schema);
    const document = parse('{ id }');
    const operation = getOperationAST(document) as never;
    operations.register('{ id }', null, document, operation);
    expect(operations.find('{ id }', null)).toBeUndefined();
    operations.register('{ id }', null, document, operation);
    expect(operations.find('{ id }', null)).toBeDefined();
    expect(operations.find('{ id  }', null)).toBeUndefined();
  });

  it('keeps the latest 300,000 characters of queries', () => {
    const operations = new PreparedOperations(schema);
    const texts = Array.from({ length: 40 }, (_, at) => queryOf(10_000, at));
    for (const text of texts) prepare(operations, text);
    const kept = texts.filter((text) => operations.find(text, null));
    expect(kept).toEqual(texts.slice(-29));
    prepare(operations, queryOf(10_001, 41));
    expect(operations.find(queryOf(10_001, 41), null)).toBeUndefined();
  });

  it('keeps a thousand short queries, and their plans', async () => {
    const operations = new PreparedOperations(schema);
    const texts = Array.from({ length: 1_000 }, (_, at) => queryOf(250, at));
    for (const text of texts) prepare(operations, text);
    for (const [at, text] of texts.entries()) {
      const data = (await operations.find(text, null)?.run({}, {})) as Record<string, unknown>;
      expect(Object.keys(data)).toEqual(['id', `a${at}`]);
    }
  });

  it('has a plan for each query and each value of its conditions', async () => {
    const operations = new PreparedOperations(schema);
    const texts = ['id', 'name'].map((field) => `query ($if: Boolean!) { ${field} @include(if: $if) b: id }`);
    for (const text of texts) prepare(operations, text);
    for (const given of [true, false, true])
      for (const [at, field] of ['id', 'name'].entries()) {
        const data = (await operations.find(texts[at] as string, null)?.run({}, { if: given })) as object;
        expect(Object.keys(data)).toEqual(given ? [field, 'b'] : ['b']);
      }
  });

  it.each([
    ['query {\nid }', null, 'id }', 'query {'],
    ['{ id }', null, '{ id }', ''],
    ['query a { id } query b { id }', 'a', 'query a { id } query b { id }', 'b'],
    ['query a { id }', 'a', 'aquery a { id }', null],
    ['query a { id }', 'a', '1:aquery a { id }', null],
    ['query a { id }', 'a', 'query a { id }', null],
  ])('does not take %j, %j for %j, %j', (text, name, otherText, otherName) => {
    const operations = new PreparedOperations(schema);
    prepare(operations, text, name);
    expect(operations.find(text, name)).toBeDefined();
    expect(operations.find(otherText, otherName)).toBeUndefined();
  });
});
