import { normalized } from './normalized';
import type { User } from './user.entity';
import type { AddressInput, InputReader } from './user.validation';

type Given<T> = T | null | undefined;

/** Reads each field of a profile, in the order in which problems are reported. */
const readers = {
  email: (reader: InputReader, value: Given<string>) => reader.email('email', value),
  username: (reader: InputReader, value: Given<string>) => reader.username('username', value),
  firstName: (reader: InputReader, value: Given<string>) =>
    reader.required('firstName', value, { maximum: 50 }),
  lastName: (reader: InputReader, value: Given<string>) =>
    reader.required('lastName', value, { maximum: 50 }),
  displayName: (reader: InputReader, value: Given<string>) =>
    reader.optional('displayName', value, { maximum: 50 }),
  phoneNumber: (reader: InputReader, value: Given<string>) => reader.phoneNumber('phoneNumber', value),
  address: (reader: InputReader, value: Given<AddressInput>) => reader.address('address', value),
  locale: (reader: InputReader, value: Given<string>) => reader.locale('locale', value),
  timeZone: (reader: InputReader, value: Given<string>) => reader.timeZone('timeZone', value),
} as const;

type ProfileField = keyof typeof readers;

/** The fields that are also stored normalised, for comparisons. */
const comparedFields = ['email', 'username', 'firstName', 'lastName'] as const;

/** The fields of a profile, as people see it. */
export const profileFields = Object.keys(readers) as readonly ProfileField[];

/** The profile as callers send it: absent is unchanged, null is cleared. */
export type ProfileInput = { [F in ProfileField]?: Parameters<(typeof readers)[F]>[1] };

/** The columns that hold a profile. */
export type Profile = Pick<User, ProfileField | `${(typeof comparedFields)[number]}Normalized`>;

/** Reads the whole profile of a new user; the username defaults to the e-mail address, of any length. */
export function readNewProfile(reader: InputReader, input: ProfileInput): Profile {
  const fields = profileFields.filter((field) => field !== 'username' || input.username?.trim());
  const profile = readFields(reader, input, fields);
  const { email, emailNormalized } = profile;
  checkUsername(reader, profile, emailNormalized);
  return { username: email, usernameNormalized: emailNormalized, ...profile } as Profile;
}

/** Adds a problem for a username that is an address, unless it is the user's own: others could mistake its owner. */
export function checkUsername(
  reader: InputReader,
  { usernameNormalized }: Partial<Profile>,
  ownEmailNormalized: string | undefined,
): void {
  if (usernameNormalized?.includes('@') && usernameNormalized !== ownEmailNormalized)
    reader.problem('username', 'INVALID_FORMAT', 'must not contain @ unless it is your e-mail address');
}

/** Reads only the fields that the input contains. */
export function readProfileChanges(reader: InputReader, input: ProfileInput): Partial<Profile> {
  return readFields(
    reader,
    input,
    profileFields.filter((field) => input[field] !== undefined),
  );
}

function readFields(
  reader: InputReader,
  input: ProfileInput,
  fields: readonly ProfileField[],
): Partial<Profile> {
  const values: Record<string, unknown> = {};
  for (const field of fields) {
    const read = readers[field] as (reader: InputReader, value: unknown) => unknown;
    const value = read(reader, input[field]);
    values[field] = value;
    if (isCompared(field)) values[`${field}Normalized`] = normalized(value as string);
  }
  return values;
}

function isCompared(field: ProfileField): field is (typeof comparedFields)[number] {
  return (comparedFields as readonly ProfileField[]).includes(field);
}
