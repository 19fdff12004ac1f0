import { InputReader } from '../../../src/users/user.validation';
import { profileFields, readNewProfile, readProfileChanges } from '../../../src/users/user-profile';

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
