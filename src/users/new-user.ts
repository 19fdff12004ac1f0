import { columnsOf } from '../postgres/entity-columns';
import { newId } from '../postgres/new-id';
import { readExternalIds } from './external-ids';
import { parseUserId } from './normalized';
import { type ExternalId, type StoredUserStatus, User } from './user.entity';
import type { InputReader } from './user.validation';
import { type Profile, type ProfileInput, readNewProfile } from './user-profile';

/** A new user as callers send it. */
export interface NewUserInput extends ProfileInput {
  userId?: string | null | undefined;
  externalIds?: readonly ExternalId[] | null | undefined;
}

/**
 * Reads the profile, the ids in other systems and the id of a new user; generates the id if the input has none or a blank
 * one. The result is valid only if `reader.finish()` does not throw.
 */
export function readNewUser(
  reader: InputReader,
  input: NewUserInput,
): { id: string; profile: Profile & Pick<User, 'externalIds'> } {
  const profile = {
    ...readNewProfile(reader, input),
    externalIds: readExternalIds(reader, input.externalIds),
  };
  const id = input.userId?.trim() ? parseUserId(input.userId.trim()) : newId();
  if (id === null) reader.problem('userId', 'INVALID_FORMAT', 'must be a UUID other than the nil UUID');
  return { id: id ?? '', profile };
}

/** The default of each column that has one, and null for the other nullable columns. */
const initialValues = Object.fromEntries(
  columnsOf(User)
    .filter((column) => column.default !== undefined || column.isNullable)
    .map((column) => [column.property, column.default ?? null]),
) as Omit<User, 'id' | 'status' | 'statusChangedAt' | 'version' | 'revision' | 'createdAt' | 'updatedAt'>;

/**
 * Returns a new user. The version is 1, the sequence of its first event; a `PENDING` user has published none and has
 * version 0. The revision counts all writes of the row.
 */
export function newUser(
  id: string,
  profile: Profile & Partial<Pick<User, 'externalIds'>>,
  status: StoredUserStatus,
): User {
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
