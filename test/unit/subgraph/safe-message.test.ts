import { GraphQLError, parse } from 'graphql';
import { safeErrorOf } from '../../../src/subgraph/safe-message';
import { buildMaskedServer, secretValue } from '../../testkit/masked-server';

describe('safeErrorOf', () => {
  const { ask, server, lines } = buildMaskedServer();
  beforeAll(() => server.start());
  afterEach(() => void lines.splice(0));
  afterAll(() => server.stop());

  it.each([
    [{ p: { email: secretValue } }, '"p.email".'],
    [{ p: { addresses: [{ city: 'x' }, { city: 'x', zip: secretValue }] } }, '"p.addresses[1].zip".'],
    [
      { p: { addresses: [{ zip: 1, [secretValue]: 2 }] } },
      '"p.addresses[0]". Field "city" of required type "String!" was not provided.',
    ],
    [{ p: secretValue }, '"p". Expected type "Profile" to be an object.'],
    [{ p: { born: secretValue } }, '"p.born".'],
    [{ p: { color: secretValue } }, '"p.color".'],
    [{ p: { emial: secretValue } }, '"p". Field "emial" is not defined by type "Profile".'],
    [{ p: { strict: secretValue } }, '"p.strict". Strict values are never right.'],
  ])('names the variable, the path and the reason for a wrong variable (%#)', async (variables, place) => {
    const response = await ask('query ($p: Profile) { echo(profile: $p, first: 1) }', variables);
    expect(response.first.message).toBe(`Variable "$p" has an invalid value at ${place}`);
    expect(response.first.extensions).toEqual({ code: 'BAD_USER_INPUT' });
    expect(response.status).toBe(400);
    expect(response.lines).toEqual([]);
  });

  it.each([[{ [`x at "ada"`]: secretValue }], [`${secretValue}" at "b`]])(
    'takes no path from within a value: %j',
    async (p) => {
      const response = await ask('query ($p: DateTime) { echo(born: $p, first: 1) }', { p });
      expect(response.first.message).toBe('Variable "$p" has an invalid value at "p".');
    },
  );

  it('names a variable that is missing', async () => {
    const response = await ask('query ($first: Int!) { echo(first: $first) }');
    expect(response.first).toMatchObject({
      message: 'Variable "$first" of required type "Int!" was not provided.',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('returns one generic error after 50 wrong values', async () => {
    const addresses = Array.from({ length: 200 }, () => ({ city: 1, zip: secretValue }));
    const response = await ask('query ($p: Profile) { echo(profile: $p, first: 1) }', { p: { addresses } });
    expect(response.errors.at(-1)).toMatchObject({
      message: 'The variables have too many invalid values.',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it.each([
    ['born: "ada@example.com"', 'BAD_USER_INPUT'],
    ['born: { a: "ada@example.com" }', 'BAD_USER_INPUT'],
    ['profile: { email: "ada@example.com" }', 'GRAPHQL_VALIDATION_FAILED'],
    ['profile: "ada@example.com"', 'GRAPHQL_VALIDATION_FAILED'],
    ['color: "ada@example.com"', 'GRAPHQL_VALIDATION_FAILED'],
    ['color: BLUE', 'GRAPHQL_VALIDATION_FAILED'],
  ])('names the line and column of the wrong literal %s', async (argument, code) => {
    const response = await ask(`{ echo(${argument}, first: 1) }`);
    expect(response.first.message).toMatch(/^Invalid value at line 1, column \d+\.$/);
    expect(response.first.extensions).toEqual({ code });
    expect(response.status).toBe(400);
  });

  it.each([
    ['{ nope }', 'Cannot query field "nope" on type "Query".'],
    [
      '{ echo(profile: { addresses: [{ zip: 1 }] }, first: 1) }',
      'Field "Address.city" of required type "String!" was not provided.',
    ],
    ['{ echo(strict: 1, first: 1) }', 'Strict values are never right.'],
    [`{ echo(first: "${secretValue}) }`, 'Syntax error at line 1, column 34.'],
    [`{ echo(first "${secretValue}") }`, 'Syntax error at line 1, column 14.'],
    ['subscription { nope }', 'Schema is not configured to execute subscription operation.'],
    [
      `query ${'q'.repeat(51)} { echo(first: $${'v'.repeat(50)}) }`,
      `Variable "$${'v'.repeat(48)}…" is not defined by operation "${'q'.repeat(49)}…".`,
    ],
    ['query N($x: Int) { echo(first: 1) }', 'Variable "$x" is never used in operation "N".'],
    [
      'query ($x: Boolean!) { echo(first: $x) }',
      'Variable "$x" of type "Boolean!" used in position expecting type "Int!".',
    ],
  ])('describes the malformed operation %s', async (query, message) => {
    expect((await ask(query)).errors.map((error: Error) => error.message)).toContain(message);
  });

  it('keeps all names of the schema that a message suggests', () => {
    const types = ['A', 'B', 'C'].map((name) => `"${name.repeat(45)}"`).join(', ');
    const message = `Cannot query field "user" on type "Result". Did you mean to use an inline fragment on ${types}?`;
    const extensions = { code: 'GRAPHQL_VALIDATION_FAILED' };
    const error = new GraphQLError(message, { nodes: parse('{ user }'), extensions });
    expect(safeErrorOf(error)?.message).toBe(message);
  });

  it('names an argument that is wrong only at run time', async () => {
    const response = await ask('query ($first: Int = 1) { echo(first: $first) }', { first: null });
    expect(response.first).toMatchObject({
      message: 'Argument "first" has a missing or invalid value.',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('repeats at most 100 characters of the names in a document', async () => {
    const names = ['A', 'B', 'C'].map((letter) => letter.repeat(45));
    const nested = (inner: string) =>
      `{ ${names[0]}: parent { ${names[1]}: parent { ${names[2]}: ${inner} } } }`;
    const response = await ask(`query ${nested('a').replace(/}$/, nested('b').slice(1))}`);
    expect(response.first.message).toMatch(
      /^Fields "A{45}" conflict because subfields "B{45}" conflict because/,
    );
    expect(response.first.message.match(/[ABC]/g)?.length).toBeLessThanOrEqual(100);
    expect(response.first.message).toContain('CCC');
  });
});
