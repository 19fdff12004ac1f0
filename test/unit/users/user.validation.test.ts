import { InvalidInputError } from '../../../src/users/user.errors';
import { InputReader } from '../../../src/users/user.validation';

/** Reads one value; returns it, and the codes of the problems. */
function read<T>(reading: (reader: InputReader) => T): { value: T; codes: string[] } {
  const reader = new InputReader();
  const value = reading(reader);
  return { value, codes: problemsOf(reader).map(({ code }) => code) };
}

function problemsOf(reader: InputReader): readonly { path: string; code: string }[] {
  try {
    reader.finish();
    return [];
  } catch (error) {
    if (error instanceof InvalidInputError) return error.fields;
    throw error;
  }
}

describe('InputReader.required and optional', () => {
  const name = (text: string | null | undefined) =>
    read((it) => it.required('firstName', text, { maximum: 50 }));
  const username = (text: string | null) =>
    read((it) => it.optional('username', text, { minimum: 3, maximum: 100 }));

  it.each([[''], ['   '], ['\t\n'], [null], [undefined]])('required refuses %j as missing', (text) => {
    expect(name(text).codes).toEqual(['REQUIRED']);
  });

  it('optional returns null for a blank text', () => {
    expect(username(' ')).toEqual({ value: null, codes: [] });
    expect(username(null)).toEqual({ value: null, codes: [] });
  });

  it('measures code points after trimming', () => {
    expect(name(` ${'🙂'.repeat(50)} `)).toEqual({ value: '🙂'.repeat(50), codes: [] });
    expect(name('🙂'.repeat(51)).codes).toEqual(['TOO_LONG']);
    expect(username(' ab ').codes).toEqual(['TOO_SHORT']);
    expect(username('abc')).toEqual({ value: 'abc', codes: [] });
    expect(username('a'.repeat(100)).codes).toEqual([]);
    expect(username('a'.repeat(101)).codes).toEqual(['TOO_LONG']);
  });

  it.each(['a\u0000b', 'a\nb', 'a\u007fb', 'a\u0085b', 'a\ud83d'])(
    'refuses the control character in %j',
    (text) => {
      expect(name(text).codes).toEqual(['CONTROL_CHARACTERS']);
    },
  );
});

describe('invisible characters', () => {
  const name = (text: string) => read((it) => it.optional('displayName', text, { maximum: 50 }));
  const points = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, n) => String.fromCodePoint(first + n));
  const listed = [
    '\u200b',
    '\u200e',
    '\u200f',
    ...points(0x202a, 0x202e),
    ...points(0x2066, 0x2069),
    '\ufeff',
  ];

  it.each(listed)('are refused between, before and after letters: %j', (character) => {
    expect(name(`Ad${character}a`).codes).toEqual(['CONTROL_CHARACTERS']);
    expect(name(`A ${character} B`).codes).toEqual(['CONTROL_CHARACTERS']);
    expect(name(`👩${character}👩`).codes).toEqual(['CONTROL_CHARACTERS']);
  });

  it.each([
    'می\u200cخواهم',
    'नमस्\u200dते',
    'র\u200d্যাব',
    '👩\u200d👩\u200d👧\u200d👦',
    '👩🏽\u200d💻',
    '👩\u200d❤️\u200d👨',
    '🏳️\u200d🌈',
    '🏴\u200d☠️',
    'عبد\u200cالله Ada',
  ])('join letters and emoji in %j', (text) => {
    expect(name(text)).toEqual({ value: text, codes: [] });
  });

  it.each([
    '\u200dAda',
    'Ada\u200d',
    'Ada\u200c',
    'Ada\u200d Lovelace',
    'Ada \u200cLovelace',
    'A\u200c\u200cda',
    'a\u200d1',
    '1\u200da',
    'a\u200d-b',
    '👩\u200d',
    '\u200d👩',
    'a\u200d\u200bb',
  ])('join nothing in %j, which is refused', (text) => {
    expect(name(text).codes).toEqual(['CONTROL_CHARACTERS']);
  });

  it('are refused in every part of an address and in an e-mail address', () => {
    const hidden = {
      street: 'a\u202eb',
      city: 'a\u200bb',
      state: 'a\u2066b',
      postalCode: '1\u200f',
      country: 'x\u200c',
    };
    expect(read((it) => it.address('address', hidden)).codes).toEqual(Array(5).fill('CONTROL_CHARACTERS'));
    expect(read((it) => it.email('email', 'a\u200bda@example.com')).codes).toContain('CONTROL_CHARACTERS');
  });
});

describe('InputReader.email', () => {
  const email = (text: string) => read((it) => it.email('email', text));

  it.each([
    'a@b.de',
    'Ada.Lovelace+news@example.co.uk',
    'josé@exämple.com',
    `${'a'.repeat(64)}@example.com`,
    `a@${'b'.repeat(63)}.com`,
    `a@${`${'b'.repeat(61)}.`.repeat(4)}bbbb`,
  ])('returns %s', (text) => {
    expect(email(` ${text} `)).toEqual({ value: text, codes: [] });
  });

  it.each([
    'ada',
    '@example.com',
    'ada@',
    'ada@localhost',
    'a@b@example.com',
    'a b@example.com',
    '.ada@example.com',
    'ada.@example.com',
    'a..b@example.com',
    'ada@-example.com',
    'ada@example-.com',
    'ada@example..com',
    'ada<x>@example.com',
    'a\u00adb@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(64)}.com`,
  ])('refuses %s', (text) => {
    expect(email(text).codes).toEqual(['INVALID_FORMAT']);
  });

  it.each(['ada\uff20example.com', 'ada\ufe6bexample.com', '\u3000ada\uff20example.com '])(
    'returns the address %j with a plain @',
    (text) => {
      expect(email(text)).toEqual({ value: 'ada@example.com', codes: [] });
    },
  );

  it.each(['ada\uff20@example.com', 'ada\uff20', 'a\uff20b\uff20example.com'])('refuses %s', (text) => {
    expect(email(text).codes).toEqual(['INVALID_FORMAT']);
  });

  it('reports a blank address as missing only', () => {
    expect(email(' ').codes).toEqual(['REQUIRED']);
  });

  it('reports both problems of a text that is too long to be normalised', () => {
    expect(email('a'.repeat(600)).codes).toEqual(['TOO_LONG', 'INVALID_FORMAT']);
  });

  it('accepts 254 characters and refuses 255', () => {
    const long = `a@${`${'b'.repeat(62)}.`.repeat(4)}`;
    expect(email(`${long.slice(0, 253)}c`).codes).toEqual([]);
    expect(`${long.slice(0, 253)}c`).toHaveLength(254);
    expect(email(`a${long.slice(0, 253)}c`).codes).toContain('TOO_LONG');
  });
});

describe('InputReader.phoneNumber', () => {
  const phone = (text: string) => read((it) => it.phoneNumber('phoneNumber', text));

  it.each([
    ['12', '+12'],
    ['+12', '+12'],
    [' +14155550100 ', '+14155550100'],
    ['123456789012345', '+123456789012345'],
  ])('returns %j with its plus sign', (text, expected) => {
    expect(phone(text)).toEqual({ value: expected, codes: [] });
  });

  it.each(['1', '+1', '0123', '+0123', '1234567890123456', '+49 30 123', '++12', '12a', '٣٤٥'])(
    'refuses %j',
    (text) => {
      expect(phone(text).codes).toEqual(['INVALID_FORMAT']);
    },
  );
});

describe('InputReader.locale and timeZone', () => {
  it('return the canonical case', () => {
    expect(read((it) => it.locale('locale', 'EN-gb')).value).toBe('en-GB');
    expect(read((it) => it.timeZone('timeZone', 'europe/BERLIN')).value).toBe('Europe/Berlin');
    expect(read((it) => it.timeZone('timeZone', 'utc')).codes).toEqual([]);
  });

  it.each([
    'Asia/Kolkata',
    'Europe/Kyiv',
    'US/Eastern',
    'America/Port-au-Prince',
    'America/Argentina/ComodRivadavia',
    'America/Knox_IN',
    'Antarctica/DumontDUrville',
    'Australia/ACT',
    'Etc/GMT+5',
    'Etc/UTC',
    'EST5EDT',
    'GB-Eire',
    'GMT0',
    'NZ-CHAT',
    'PRC',
    'W-SU',
    'Zulu',
  ])('return the time zone %s in its usual case, without replacing an alias', (name) => {
    for (const text of [name, name.toLowerCase(), name.toUpperCase()])
      expect(read((it) => it.timeZone('timeZone', text))).toEqual({ value: name, codes: [] });
  });

  it.each(['en_GB', 'e', '-', 'en-'])('refuse the locale %j', (text) => {
    expect(read((it) => it.locale('locale', text))).toEqual({ value: null, codes: ['INVALID_FORMAT'] });
  });

  it.each(['Mars/Olympus', '+01:00', 'Europe', 'GMT+25'])('refuse the time zone %j', (text) => {
    expect(read((it) => it.timeZone('timeZone', text)).codes).toEqual(['INVALID_FORMAT']);
  });
});

describe('InputReader.address', () => {
  const limits = { street: 100, city: 50, state: 50, postalCode: 20, country: 50 };
  const parts = (extra: number) =>
    Object.fromEntries(Object.entries(limits).map(([part, maximum]) => [part, 'x'.repeat(maximum + extra)]));

  it('accepts every part at its limit and names every part above it', () => {
    expect(read((it) => it.address('address', parts(0)))).toEqual({ value: parts(0), codes: [] });
    const reader = new InputReader();
    reader.address('address', parts(1));
    expect(problemsOf(reader)).toEqual(
      Object.keys(limits).map((part) =>
        expect.objectContaining({ path: `address.${part}`, code: 'TOO_LONG' }),
      ),
    );
  });

  it('returns null without any part, and null for each missing part', () => {
    expect(read((it) => it.address('address', null)).value).toBeNull();
    expect(read((it) => it.address('address', { city: ' ', street: null })).value).toBeNull();
    expect(read((it) => it.address('address', { city: 'Berlin' })).value).toEqual({
      street: null,
      city: 'Berlin',
      state: null,
      postalCode: null,
      country: null,
    });
  });
});

describe('InputReader.password and idempotencyKey', () => {
  const password = (text: string | null, isAvailable = true) =>
    read((it) => it.password('password', text, isAvailable));

  it('returns a password of eight code points or more unchanged', () => {
    expect(password(' 1234 67')).toEqual({ value: ' 1234 67', codes: [] });
    expect(password('🙂'.repeat(8)).codes).toEqual([]);
    expect(password('🙂'.repeat(7)).codes).toEqual(['TOO_SHORT']);
    expect(password(null)).toEqual({ value: null, codes: [] });
  });

  it('refuses a password without an AuthenticationService', () => {
    expect(password('long enough', false).codes).toEqual(['NOT_AVAILABLE']);
    expect(password(null, false).codes).toEqual([]);
  });

  it('accepts idempotency keys of up to 200 characters', () => {
    expect(read((it) => it.idempotencyKey('k'.repeat(200))).codes).toEqual([]);
    expect(read((it) => it.idempotencyKey('k'.repeat(201))).codes).toEqual(['TOO_LONG']);
  });
});

it('InputReader.finish throws one error with every problem', () => {
  const reader = new InputReader();
  reader.email('email', 'x');
  reader.required('lastName', '', { maximum: 50 });
  reader.optional('displayName', `${'x'.repeat(51)}\u0000`, { maximum: 50 });
  expect(problemsOf(reader).map(({ path, code }) => [path, code])).toEqual([
    ['email', 'INVALID_FORMAT'],
    ['lastName', 'REQUIRED'],
    ['displayName', 'TOO_LONG'],
    ['displayName', 'CONTROL_CHARACTERS'],
  ]);
});
