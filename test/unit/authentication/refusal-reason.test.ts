import { toRefusalReason, unstatedRefusal } from '../../../src/authentication/refusal-reason';

const password = 'Tr0ub4dor&3 "x"';

describe('refusal reason', () => {
  it.each(['reason', 'message', 'detail', 'title'])('is taken from %s', (field) => {
    expect(toRefusalReason({ [field]: 'Too common.' }, password)).toBe('Too common.');
  });

  it('prefers reason over message over detail over title, and passes over what is not text', () => {
    expect(toRefusalReason({ title: 'd', detail: 'c', message: 'b', reason: 'a' }, password)).toBe('a');
    expect(toRefusalReason({ title: 'd', detail: 'c', message: ' ', reason: 7 }, password)).toBe('c');
  });

  it('is one line of at most 200 code points without control characters', () => {
    expect(toRefusalReason({ reason: 'a\r\nb\u0000c\u202Ed\u001b[31m' }, password)).toBe('a b c d [31m');
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
  ])('is a general sentence when it holds the password (%#)', (reason) => {
    expect(toRefusalReason({ reason }, password)).toBe(unstatedRefusal);
  });

  it.each([null, undefined, 'text', 7, [], {}, { reason: null }, { reason: {} }])(
    'is a general sentence for an answer without one (%#)',
    (answer) => {
      expect(toRefusalReason(answer, password)).toBe(unstatedRefusal);
    },
  );
});
