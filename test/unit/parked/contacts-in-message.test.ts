import { createHash } from 'node:crypto';
import { contactDigestsIn } from '../../../src/parked/contacts-in-message';

const digest = (contact: string) => createHash('sha256').update(contact).digest('hex');

describe('contactDigestsIn', () => {
  it.each([
    ['Write to <Ada@Example.COM>, please', 'ada@example.com'],
    ['ａｄａ@example.com', 'ada@example.com'],
    ['mailto:ada@example.com;', 'ada@example.com'],
    ['+49 (30) 123-456.78', '+493012345678'],
    ['4930123456', '+4930123456'],
    ['1234567', '+1234567'],
    ['+123456789012345', '+123456789012345'],
    ['1234567890123456', '+234567890123456'],
  ])('returns the digest of the stored form of the contact in %j', (text, contact) => {
    expect(contactDigestsIn([text])[0]).toBe(digest(contact));
  });

  it.each([
    'The card of %.',
    'The card of %.Thanks',
    'email=%&n=1',
    'a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&email=%&n=1',
    '[%]',
    '{%}',
    '`%`',
    '“%”',
    "'%'",
    '%!',
    '%?',
    'user/%/orders',
    'bob@example.org|%|cem@example.org',
    '%@example.org',
    '*%*',
  ])('returns the digest of the address in %j', (text) => {
    for (const address of ['ada@example.com', "first.o'brien+tag-1@mail.example.co.uk", '_ada_@example.com'])
      expect(contactDigestsIn([text.replace('%', address.toUpperCase())])).toContain(digest(address));
  });

  it('returns the digest of an address with many dots before parts of it', () => {
    const address = `${'a.'.repeat(31)}b@${'c.'.repeat(20)}example.com`;
    const [first, ...parts] = contactDigestsIn([address]);
    expect(first).toBe(digest(address));
    expect(parts).toContain(digest(`b@${'c.'.repeat(20)}example.com`));
    expect(parts.length).toBeLessThan(128);
  });

  it.each([
    'order 4711 4930901820',
    'order 4711 +4930901820',
    '1234567 4930 901-820',
    '4930901820 4711',
    '0049 30 901820',
    'call 4930901820.',
    '0 0 0 0 4930901820',
  ])('returns the digest of the number in %j', (text) => {
    expect(contactDigestsIn([text])).toContain(digest('+4930901820'));
  });

  it.each([
    '1'.repeat(50_000),
    '0 '.repeat(25_000),
    '1 '.repeat(25_000),
    '@'.repeat(50_000),
    'a.a@a.a'.repeat(7_000),
  ])('reads 50 kB within a second: %.8s…', (text) => {
    const startMs = performance.now();
    contactDigestsIn([text]);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it.each(['123456', '0000000', 'ada@', 'no contact'])('returns nothing for %j', (text) => {
    expect(contactDigestsIn([text])).toEqual([]);
  });

  it('returns each contact once, and at most 1,000', () => {
    expect(contactDigestsIn(['a@b.c', 'A@B.C +4930123456', '4930123456'])).toEqual([
      digest('a@b.c'),
      digest('+4930123456'),
    ]);
    const many = Array.from({ length: 1_001 }, (_, at) => `u${at}@example.com`);
    expect(contactDigestsIn(many)).toEqual(many.slice(0, 1_000).map(digest));
    expect(contactDigestsIn([many.join(' ')])).toHaveLength(1_000);
  });
});
