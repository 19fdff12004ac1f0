import { normalized } from './normalized';
import type { User } from './user.entity';
import type { AddressInput, InputReader } from './user.validation';

/** What a profile is made of, as people see it. */
export const profileFields = [
  'email',
  'username',
  'displayName',
  'firstName',
  'lastName',
  'phoneNumber',
  'address',
  'locale',
  'timeZone',
] as const satisfies readonly (keyof ProfileInput)[];

/** The profile as callers send it: absent is unchanged, null is cleared. */
export interface ProfileInput {
  email?: string | null | undefined;
  username?: string | null | undefined;
  displayName?: string | null | undefined;
  firstName?: string | null | undefined;
  lastName?: string | null | undefined;
  phoneNumber?: string | null | undefined;
  address?: AddressInput | null | undefined;
  locale?: string | null | undefined;
  timeZone?: string | null | undefined;
}

/** The columns that a profile is made of. */
export type Profile = Pick<
  User,
  | 'email'
  | 'emailNormalized'
  | 'username'
  | 'usernameNormalized'
  | 'displayName'
  | 'firstName'
  | 'firstNameNormalized'
  | 'lastName'
  | 'lastNameNormalized'
  | 'phoneNumber'
  | 'address'
  | 'locale'
  | 'timeZone'
>;

/** The changes of a profile; `email` stands apart, as it is confirmed before it counts. */
export type ProfileChanges = Partial<Omit<Profile, 'emailNormalized'>>;

/** Reads the whole profile of a new user; the username defaults to the e-mail address. */
export function readNewProfile(reader: InputReader, input: ProfileInput): Profile {
  const email = reader.email('email', input.email);
  const username = reader.optional('username', input.username, 3, 100) ?? email;
  const firstName = reader.required('firstName', input.firstName, 1, 50);
  const lastName = reader.required('lastName', input.lastName, 1, 50);
  return {
    email,
    emailNormalized: normalized(email),
    username,
    usernameNormalized: normalized(username),
    displayName: reader.optional('displayName', input.displayName, 1, 50),
    firstName,
    firstNameNormalized: normalized(firstName),
    lastName,
    lastNameNormalized: normalized(lastName),
    phoneNumber: reader.phoneNumber('phoneNumber', input.phoneNumber),
    address: reader.address('address', input.address),
    locale: reader.locale('locale', input.locale),
    timeZone: reader.timeZone('timeZone', input.timeZone),
  };
}

/** Reads only the fields that the input names. */
export function readProfileChanges(reader: InputReader, input: ProfileInput): ProfileChanges {
  const changes: ProfileChanges = {};
  if (input.email !== undefined) changes.email = reader.email('email', input.email);
  if (input.username !== undefined) {
    changes.username = reader.required('username', input.username, 3, 100);
    changes.usernameNormalized = normalized(changes.username);
  }
  if (input.firstName !== undefined) {
    changes.firstName = reader.required('firstName', input.firstName, 1, 50);
    changes.firstNameNormalized = normalized(changes.firstName);
  }
  if (input.lastName !== undefined) {
    changes.lastName = reader.required('lastName', input.lastName, 1, 50);
    changes.lastNameNormalized = normalized(changes.lastName);
  }
  if (input.displayName !== undefined)
    changes.displayName = reader.optional('displayName', input.displayName, 1, 50);
  if (input.phoneNumber !== undefined)
    changes.phoneNumber = reader.phoneNumber('phoneNumber', input.phoneNumber);
  if (input.address !== undefined) changes.address = reader.address('address', input.address);
  if (input.locale !== undefined) changes.locale = reader.locale('locale', input.locale);
  if (input.timeZone !== undefined) changes.timeZone = reader.timeZone('timeZone', input.timeZone);
  return changes;
}
