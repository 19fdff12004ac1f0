import { InputReader } from '../../../src/users/user.validation';
import {
  checkUsername,
  profileFields,
  readNewProfile,
  readProfileChanges,
} from '../../../src/users/user-profile';

const named = { firstName: 'Ada', lastName: 'Lovelace' };

function finished<T>(read: (reader: InputReader) => T): T {
  const reader = new InputReader();
  const result = read(reader);
  reader.finish();
  return result;
}

describe('readNewProfile', () => {
  it('returns every field, null for those not given, and the normalised forms', () => {
    const input = { ...named, email: 'Ada@Example.com', username: ' ADA ', phoneNumber: '491234' };
    expect(finished((reader) => readNewProfile(reader, input))).toEqual({
      ...Object.fromEntries(profileFields.map((field) => [field, null])),
      email: 'Ada@Example.com',
      emailNormalized: 'ada@example.com',
      username: 'ADA',
      usernameNormalized: 'ada',
      firstName: 'Ada',
      firstNameNormalized: 'ada',
      lastName: 'Lovelace',
      lastNameNormalized: 'lovelace',
      phoneNumber: '+491234',
    });
  });

  it.each([undefined, null, '  '])(
    'uses an e-mail address of any length as the username for %j',
    (username) => {
      const email = `A@${`${'b'.repeat(60)}.`.repeat(3)}com`;
      const profile = finished((reader) => readNewProfile(reader, { ...named, email, username }));
      expect(profile).toMatchObject({ username: email, usernameNormalized: email.toLowerCase() });
    },
  );

  it('reports the problems in the order of the fields', () => {
    const reader = new InputReader();
    readNewProfile(reader, { username: 'x', timeZone: 'x', locale: 'x' });
    expect(() => reader.finish()).toThrow('email, username, firstName, lastName, locale, timeZone');
  });
});

describe('a username that is an address', () => {
  const own = { ...named, email: 'Ada@Example.com' };

  it('is accepted if it is the own address, in any case', () => {
    const profile = finished((reader) => readNewProfile(reader, { ...own, username: 'ADA@example.com' }));
    expect(profile).toMatchObject({ username: 'ADA@example.com', usernameNormalized: 'ada@example.com' });
  });

  it.each(['bob@example.com', 'ada@', 'bob\uff20example.com'])('is refused otherwise: %s', (username) => {
    const reader = new InputReader();
    readNewProfile(reader, { ...own, username });
    expect(() => reader.finish()).toThrow('username');
  });

  it('is checked against the given address', () => {
    const problems = (address: string | undefined) => {
      const reader = new InputReader();
      checkUsername(reader, { usernameNormalized: 'ada@example.com' }, address);
      return () => reader.finish();
    };
    expect(problems('ada@example.com')).not.toThrow();
    expect(problems('bob@example.com')).toThrow('username');
    expect(problems(undefined)).toThrow('username');
  });
});

describe('readProfileChanges', () => {
  it('returns only the fields that the input contains', () => {
    expect(finished((reader) => readProfileChanges(reader, {}))).toEqual({});
    expect(
      finished((reader) =>
        readProfileChanges(reader, { lastName: 'King', locale: null, address: undefined }),
      ),
    ).toEqual({ lastName: 'King', lastNameNormalized: 'king', locale: null });
  });

  it.each(['email', 'username', 'firstName', 'lastName'])('refuses to clear %s', (field) => {
    const reader = new InputReader();
    readProfileChanges(reader, { [field]: null });
    expect(() => reader.finish()).toThrow(field);
  });
});
