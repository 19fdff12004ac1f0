import { normalized, ownIdOf, parseUserId } from '../../../src/users/normalized';

describe('normalized', () => {
  it.each([
    ['trims', '  ada@example.com\n', 'ada@example.com'],
    ['lower-cases', 'ADA@Example.COM', 'ada@example.com'],
    ['composes accents', 'Zoe\u0308', 'zo\u00eb'],
    ['replaces compatibility characters', 'ＡＤＡ ﬁ', 'ada fi'],
    ['keeps inner white space', 'Ada  Lovelace', 'ada  lovelace'],
  ])('%s', (_what, text, expected) => {
    expect(normalized(text)).toBe(expected);
    expect(normalized(expected)).toBe(expected);
  });

  it('keeps 254 code points that each become 18 code units', () => {
    const text = '\ufdfa'.repeat(254);
    expect('\ufdfa'.normalize('NFKC')).toHaveLength(18);
    expect(normalized(text)).toHaveLength(254 * 18);
    expect(normalized(`${text}a`)).toBe(`${normalized(text)}a`);
  });

  it('truncates a long run of combining marks before it normalises', () => {
    const long = `a${'\u0301\u0327'.repeat(40_000)}`;
    expect(normalized(long)).toBe(normalized(long.slice(0, 5_000)));
  });
});

describe('parseUserId', () => {
  it.each([
    ['version 4', 'f47ac10b-58cc-4372-a567-0e02b2c3d479'],
    ['version 7', '01975a5e-0000-7000-8000-000000000001'],
    ['one bit', '00000000-0000-0000-0000-000000000001'],
    ['all bits', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
    ['no version', 'aaaaaaaa-aaaa-0aaa-0aaa-aaaaaaaaaaaa'],
  ])('returns a UUID of %s in lower case', (_what, id) => {
    expect(parseUserId(id)).toBe(id);
    expect(parseUserId(id.toUpperCase())).toBe(id);
  });

  it.each([
    '',
    '00000000-0000-0000-0000-000000000000',
    'f47ac10b58cc4372a5670e02b2c3d479',
    '{f47ac10b-58cc-4372-a567-0e02b2c3d479}',
    ' f47ac10b-58cc-4372-a567-0e02b2c3d479',
    'f47ac10b-58cc-4372-a567-0e02b2c3d479\n',
    'f47ac10b-58cc-4372-a567-0e02b2c3d47g',
    'f47ac10b-58cc-4372-a567-0e02b2c3d4799',
  ])('returns null for %j', (text) => {
    expect(parseUserId(text)).toBeNull();
  });
});

describe('ownIdOf', () => {
  const id = '01975a5e-0000-7000-8000-00000000000a';

  it('returns the id that both texts name, in lower case', () => {
    expect(ownIdOf(id.toUpperCase(), id)).toBe(id);
    expect(ownIdOf(id, id.toUpperCase())).toBe(id);
  });

  it.each([
    ['another id', id, id.replace(/a$/, 'b')],
    ['an actor without a UUID', 'retention', 'retention'],
    ['a malformed id', id, 'me'],
  ])('returns null for %s', (_what, actorId, userId) => {
    expect(ownIdOf(actorId, userId)).toBeNull();
  });
});
