import type { ChangeAction } from '../audit/audit-entry.entity';
import type { HistoryEntryType } from '../history/history-entry.entity';
import type { User } from './user.entity';

/** A change as it is published (`type`, `data`), audited (`action`) and stored in the user's history. */
export interface UserEvent {
  type: string;
  action: ChangeAction;
  data: Record<string, unknown>;
  history: { type: HistoryEntryType; summary: string; data: Record<string, unknown> };
}

/** Payloads list their fields explicitly, so that a new column is not published by accident. */
export function userCreated(user: User): UserEvent {
  return {
    type: 'UserCreated',
    action: 'USER_CREATED',
    data: {
      userId: user.id,
      email: user.email,
      createdAt: user.createdAt.toISOString(),
      firstName: user.firstName,
      lastName: user.lastName,
    },
    history: { type: 'USER_CREATED', summary: 'The account was created.', data: {} },
  };
}

export function userUpdated(user: User, changedFields: readonly string[]): UserEvent {
  return {
    type: 'UserUpdated',
    action: 'USER_UPDATED',
    data: { userId: user.id, updatedAt: user.updatedAt.toISOString(), changedFields },
    history: {
      type: 'USER_UPDATED',
      summary: `The profile was changed: ${changedFields.join(', ')}.`,
      data: { changedFields },
    },
  };
}

export function userDeactivated(user: User): UserEvent {
  return {
    type: 'UserDeactivated',
    action: 'USER_DEACTIVATED',
    data: {
      userId: user.id,
      deactivatedAt: user.statusChangedAt.toISOString(),
      reason: user.statusReason,
      ...(user.statusNotes === null ? {} : { additionalNotes: user.statusNotes }),
    },
    history: {
      type: 'USER_DEACTIVATED',
      summary: 'The account was deactivated.',
      // Without the notes: they are for staff, and users read their own history.
      data: { reason: user.statusReason },
    },
  };
}

export function userReactivated(user: User): UserEvent {
  return {
    type: 'UserReactivated',
    action: 'USER_REACTIVATED',
    data: { userId: user.id, reactivatedAt: user.statusChangedAt.toISOString() },
    history: { type: 'USER_REACTIVATED', summary: 'The account was reactivated.', data: {} },
  };
}

export function userEmailPreferencesUpdated(user: User): UserEvent {
  const choices = {
    marketing: user.marketing,
    newsletter: user.newsletter,
    recommendations: user.recommendations,
    loyalty: user.loyalty,
    orderUpdates: user.orderUpdates,
  };
  return {
    type: 'UserEmailPreferencesUpdated',
    action: 'EMAIL_PREFERENCES_UPDATED',
    data: {
      userId: user.id,
      ...choices,
      ...(user.unsubscribedAt === null ? {} : { unsubscribedAt: user.unsubscribedAt.toISOString() }),
      ...(user.preferencesUpdatedAt === null ? {} : { updatedAt: user.preferencesUpdatedAt.toISOString() }),
    },
    history: {
      type: 'EMAIL_PREFERENCES_UPDATED',
      summary: 'The e-mail preferences were changed.',
      data: choices,
    },
  };
}

/** `previousEmail` is the address that the verified one has replaced; null if it was the current one before. */
export function userEmailVerified(user: User, verifiedAt: Date, previousEmail: string | null): UserEvent {
  const emailChanged = previousEmail !== null;
  return {
    type: 'UserEmailVerified',
    action: 'EMAIL_VERIFIED',
    data: {
      userId: user.id,
      verifiedAt: verifiedAt.toISOString(),
      emailChanged,
      ...(emailChanged ? { previousEmail } : {}),
    },
    history: {
      type: 'EMAIL_VERIFIED',
      summary: emailChanged ? 'A new e-mail address was confirmed.' : 'The e-mail address was confirmed.',
      data: { emailChanged },
    },
  };
}

export function userPhoneVerified(user: User, verifiedAt: Date): UserEvent {
  return {
    type: 'UserPhoneVerified',
    action: 'PHONE_VERIFIED',
    data: { userId: user.id, verifiedAt: verifiedAt.toISOString() },
    history: { type: 'PHONE_VERIFIED', summary: 'The phone number was confirmed.', data: {} },
  };
}
