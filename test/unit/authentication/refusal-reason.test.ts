import { toRefusalReason, unstatedRefusal } from '../../../src/authentication/refusal-reason';

const password = 'Tr0ub4dor&3 "x"';

describe('toRefusalReason', () => {
  it.each(['reason', 'message', 'detail', 'title'])('returns the text of %s', (field) => {
    expect(toRefusalReason({ [field]: 'Too common.' }, password)).toBe('Too common.');
  });

  it('prefers reason to message, detail and title, and skips values that are not text', () => {
    expect(toRefusalReason({ title: 'd', detail: 'c', message: 'b', reason: 'a' }, password)).toBe('a');
    expect(toRefusalReason({ title: 'd', detail: 'c', message: ' ', reason: 7 }, password)).toBe('c');
  });

  it('returns one line of at most 200 code points without control characters', () => {
    expect(toRefusalReason({ reason: 'a\r\nb\u0000c\u202Ed\u001b[31m' }, password)).toBe('a b c d [31m');
    const longest = '😀'.repeat(200);
    expect(toRefusalReason({ reason: longest }, password)).toBe(longest);
    const long = [...toRefusalReason({ reason: '😀'.repeat(500) }, password)];
    expect(long).toHaveLength(200);
    expect(long.at(-1)).toBe('…');
  });

  it.each([
    password,
    `"${password}" is too common`,
    `rejected ${JSON.stringify({ password })}`,
    password.toUpperCase(),
    `${'x'.repeat(195)}${password}`,
    password.split('').join('\u0000'),
  ])('returns unstatedRefusal if the reason contains the password (%#)', (reason) => {
    expect(toRefusalReason({ reason }, password)).toBe(unstatedRefusal);
  });

  it.each([null, undefined, 'text', 7, [], {}, { reason: null }, { reason: {} }])(
    'returns unstatedRefusal for a response without a reason (%#)',
    (body) => {
      expect(toRefusalReason(body, password)).toBe(unstatedRefusal);
    },
  );
});
