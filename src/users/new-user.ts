import { v7 as uuidv7 } from 'uuid';
import { parseUserId } from './normalized';
import type { StoredUserStatus, User } from './user.entity';
import type { InputReader } from './user.validation';
import { type Profile, type ProfileInput, readNewProfile } from './user-profile';

/** Reads who a new user is to be: the profile, and the id, which is made here unless the input brings one. */
export function readNewUser(
  reader: InputReader,
  input: ProfileInput & { readonly userId?: string | null | undefined },
): { id: string; profile: Profile } {
  const profile = readNewProfile(reader, input);
  const id = input.userId?.trim() ? parseUserId(input.userId.trim()) : uuidv7();
  if (id === null) reader.problem('userId', 'INVALID_FORMAT', 'must be a UUID');
  return { id: id ?? '', profile };
}

/** A user as it begins: version 1, or 0 while the AuthenticationService has not accepted it. */
export function newUser(id: string, profile: Profile, status: StoredUserStatus, at = new Date()): User {
  return {
    id,
    ...profile,
    pendingEmail: null,
    emailVerification: 'UNVERIFIED',
    emailVerifiedAt: null,
    phoneVerification: 'UNVERIFIED',
    phoneVerifiedAt: null,
    status,
    statusReason: null,
    statusNotes: null,
    statusChangedAt: at,
    marketing: false,
    newsletter: false,
    recommendations: false,
    loyalty: false,
    orderUpdates: true,
    unsubscribedAt: null,
    preferencesUpdatedAt: null,
    version: status === 'PENDING' ? 0 : 1,
    revision: 1,
    createdAt: at,
    updatedAt: at,
  };
}
