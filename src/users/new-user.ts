import type { StoredUserStatus, User } from './user.entity';
import type { Profile } from './user-profile';

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
