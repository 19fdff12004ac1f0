import { v7 as uuidv7 } from 'uuid';
import { columnsOf } from '../postgres/entity-columns';
import { parseUserId } from './normalized';
import { type StoredUserStatus, User } from './user.entity';
import type { InputReader } from './user.validation';
import { type Profile, type ProfileInput, readNewProfile } from './user-profile';

/** Reads the profile and id of a new user; generates the id if the input has none. */
export function readNewUser(
  reader: InputReader,
  input: ProfileInput & { readonly userId?: string | null | undefined },
): { id: string; profile: Profile } {
  const profile = readNewProfile(reader, input);
  const id = input.userId?.trim() ? parseUserId(input.userId.trim()) : uuidv7();
  if (id === null) reader.problem('userId', 'INVALID_FORMAT', 'must be a UUID');
  return { id: id ?? '', profile };
}

/** The default of each column that has one, and null for the other nullable columns. */
const initialValues = Object.fromEntries(
  columnsOf(User)
    .filter((column) => column.default !== undefined || column.isNullable)
    .map((column) => [column.property, column.default ?? null]),
) as Omit<User, 'id' | 'status' | 'statusChangedAt' | 'version' | 'revision' | 'createdAt' | 'updatedAt'>;

/** Returns a new user at version 1, or 0 until the AuthenticationService has accepted it. */
export function newUser(id: string, profile: Profile, status: StoredUserStatus): User {
  const at = new Date();
  return {
    ...initialValues,
    ...profile,
    id,
    status,
    statusChangedAt: at,
    version: status === 'PENDING' ? 0 : 1,
    revision: 1,
    createdAt: at,
    updatedAt: at,
  };
}
