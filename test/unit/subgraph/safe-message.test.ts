import { buildMaskedServer, secretValue } from '../../testkit/masked-server';

describe('what callers see of a wrong value', () => {
  const { ask, server, lines } = buildMaskedServer();
  beforeAll(() => server.start());
  afterEach(() => void lines.splice(0));
  afterAll(() => server.stop());

  it.each([
    [
      '$p: Profile',
      'profile: $p',
      { p: { email: secretValue } },
      'got an invalid value at "p.email"; expected type "Int".',
    ],
    [
      '$p: Profile',
      'profile: $p',
      { p: { addresses: [{ city: 'x' }, { city: 'x', zip: secretValue }] } },
      'got an invalid value at "p.addresses[1].zip"; expected type "Int".',
    ],
    [
      '$p: Profile',
      'profile: $p',
      { p: { addresses: [{ zip: 1, [secretValue]: 2 }] } },
      'got an invalid value at "p.addresses[0]"; Field "city" of required type "String!" was not provided.',
    ],
    [
      '$p: Profile',
      'profile: $p',
      { p: secretValue },
      'got an invalid value at "p"; Expected type "Profile" to be an object.',
    ],
    [
      '$p: Profile',
      'profile: $p',
      { p: { born: secretValue } },
      'got an invalid value at "p.born"; expected type "DateTime".',
    ],
    [
      '$p: Profile',
      'profile: $p',
      { p: { color: secretValue } },
      'got an invalid value at "p.color"; expected type "Color".',
    ],
    [
      '$p: DateTime',
      'born: $p',
      { p: { [`x at "ada"`]: secretValue } },
      'got an invalid value at "p"; expected type "DateTime".',
    ],
    [
      '$p: DateTime',
      'born: $p',
      { p: `${secretValue}" at "b` },
      'got an invalid value at "p"; expected type "DateTime".',
    ],
    [
      '$p: Profile',
      'profile: $p',
      { p: { emial: secretValue } },
      'at "p"; Field "emial" is not defined by type "Profile".',
    ],
    [
      '$p: Strict',
      'strict: $p',
      { p: secretValue },
      'got an invalid value at "p"; Strict values are never right.',
    ],
  ])(
    'names variable, path and type of a bad variable and not its value (%#)',
    async (declared, used, variables, message) => {
      const answer = await ask(`query (${declared}) { echo(${used}, first: 1) }`, variables);
      expect(answer.first.message).toContain('Variable "$p" ');
      expect(answer.first.message).toContain(message);
      expect(answer.first.extensions).toEqual({ code: 'BAD_USER_INPUT' });
      expect(answer.status).toBe(400);
      expect(answer.lines).toEqual([]);
    },
  );

  it('says only so much when very many variables are wrong', async () => {
    const addresses = Array.from({ length: 200 }, () => ({ city: 1, zip: secretValue }));
    const answer = await ask('query ($p: Profile) { echo(profile: $p, first: 1) }', { p: { addresses } });
    expect(answer.errors.at(-1)).toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } });
  });

  it.each([
    ['born: "ada@example.com"', 'BAD_USER_INPUT'],
    ['strict: "ada@example.com"', 'BAD_USER_INPUT'],
    ['profile: { email: "ada@example.com" }', 'GRAPHQL_VALIDATION_FAILED'],
    ['profile: "ada@example.com"', 'GRAPHQL_VALIDATION_FAILED'],
    ['color: "ada@example.com"', 'GRAPHQL_VALIDATION_FAILED'],
    ['color: BLUE', 'GRAPHQL_VALIDATION_FAILED'],
    ['born: { a: "ada@example.com" }', 'BAD_USER_INPUT'],
    ['profile: { addresses: [{ zip: 1 }] }', 'GRAPHQL_VALIDATION_FAILED'],
  ])('calls the literal %s %s without repeating it', async (argument, code) => {
    const answer = await ask(`{ echo(${argument}, first: 1) }`);
    expect(answer.first.extensions).toEqual({ code });
    expect(answer.first.message).not.toContain('BLUE');
    expect(answer.status).toBe(400);
  });

  it('keeps what helps in a malformed operation', async () => {
    const message = async (query: string) => (await ask(query)).first.message;
    expect(await message('{ nope }')).toBe('Cannot query field "nope" on type "Query".');
    expect(await message('{ echo(profile: { addresses: [{ zip: 1 }] }, first: 1) }')).toBe(
      'Field "Address.city" of required type "String!" was not provided.',
    );
    expect(await message(`{ echo(first: "${secretValue}) }`)).toContain('Unterminated string');
    expect(await message(`{ echo(first "${secretValue}") }`)).toBe(
      'Syntax Error: Expected ":", found String.',
    );
  });

  it('says which argument was wrong at run time', async () => {
    const answer = await ask(
      'query ($zip: Int, $city: String!) { echo(profile: { addresses: [{ city: $city, zip: $zip }] }, first: 1) }',
      { city: secretValue, zip: secretValue },
    );
    expect(answer.first.message).toBe('Variable "$zip" got an invalid value at "zip"; expected type "Int".');
    const missing = await ask('query ($first: Int = 1) { echo(first: $first) }', { first: null });
    expect(missing.first).toMatchObject({
      message: 'Argument "first" of non-null type "Int!" must not be null.',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });
});
