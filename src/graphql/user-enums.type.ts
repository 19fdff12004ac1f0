import { registerEnumType } from 'type-graphql';
import { auditActions } from '../audit/audit-entry.entity';
import { historyEntryTypes } from '../history/history-entry.entity';
import {
  deactivationReasons,
  type EmailTopic as TopicName,
  userStatuses,
  verificationStatuses,
} from '../users/user.entity';

function enumOf<T extends string>(values: readonly T[]): { readonly [V in T]: V } {
  return Object.fromEntries(values.map((value) => [value, value])) as { [V in T]: V };
}

/** The stored states, and `UNKNOWN` for erased and never known ids. */
export const UserStatus = enumOf([...userStatuses, 'UNKNOWN']);
export type UserStatus = keyof typeof UserStatus;

registerEnumType(UserStatus, {
  name: 'UserStatus',
  description: 'The state of an account.',
  valuesConfig: {
    PENDING: { description: 'The AuthenticationService has not accepted the credentials yet.' },
    ACTIVE: { description: 'In use.' },
    DEACTIVATED: { description: 'Out of use; can be reactivated.' },
    UNKNOWN: { description: 'Erased, or never known here: one answer for both.' },
  },
});

export const VerificationStatus = enumOf(verificationStatuses);

registerEnumType(VerificationStatus, {
  name: 'VerificationStatus',
  description: 'How far the proof has come that an address or number reaches its user.',
  valuesConfig: {
    UNVERIFIED: { description: 'Nobody asked for a proof yet.' },
    PENDING: { description: 'A proof was asked for and has not come.' },
    VERIFIED: { description: 'Proven.' },
  },
});

export const DeactivationReason = enumOf(deactivationReasons);

registerEnumType(DeactivationReason, {
  name: 'DeactivationReason',
  description: 'Why an account was taken out of use.',
  valuesConfig: {
    USER_REQUESTED: { description: 'The user asked for it.' },
    ADMINISTRATIVE_ACTION: { description: 'Staff or a service decided it.' },
    SECURITY_VIOLATION: { description: 'The account was misused.' },
    INACTIVITY: { description: 'The account was not used for long.' },
  },
});

/** What the graph calls each topic, and what it is stored as. */
export const topicNames = {
  MARKETING: 'marketing',
  NEWSLETTER: 'newsletter',
  RECOMMENDATIONS: 'recommendations',
  LOYALTY: 'loyalty',
  ORDER_UPDATES: 'orderUpdates',
} as const satisfies Record<string, TopicName>;

export const EmailTopic = enumOf(Object.keys(topicNames) as (keyof typeof topicNames)[]);
export type EmailTopic = keyof typeof EmailTopic;

registerEnumType(EmailTopic, {
  name: 'EmailTopic',
  description: 'What a mail is about.',
  valuesConfig: {
    MARKETING: { description: 'Offers and campaigns.' },
    NEWSLETTER: { description: 'The newsletter.' },
    RECOMMENDATIONS: { description: 'Recommended products.' },
    LOYALTY: { description: 'News of the loyalty programme.' },
    ORDER_UPDATES: { description: 'What becomes of one’s orders.' },
  },
});

export const HistoryEntryType = enumOf(historyEntryTypes);

registerEnumType(HistoryEntryType, {
  name: 'HistoryEntryType',
  description: 'What kind of thing happened to a user.',
  valuesConfig: {
    USER_CREATED: { description: 'The account was created.' },
    USER_UPDATED: { description: 'The profile was changed.' },
    USER_DEACTIVATED: { description: 'The account was taken out of use.' },
    USER_REACTIVATED: { description: 'The account was brought back.' },
    EMAIL_PREFERENCES_UPDATED: { description: 'The user decided what e-mail to get.' },
    EMAIL_VERIFIED: { description: 'An e-mail address was confirmed.' },
    ORDER_PLACED: { description: 'The user placed an order.' },
    PAYMENT_FAILED: { description: 'A payment for one of the user’s orders failed.' },
    LOYALTY_POINTS_EARNED: { description: 'The user earned loyalty points.' },
  },
});

export const AuditAction = enumOf(auditActions);
export type AuditAction = keyof typeof AuditAction;

registerEnumType(AuditAction, {
  name: 'AuditAction',
  description: 'What was done with a user’s data.',
  valuesConfig: {
    USER_CREATED: { description: 'The account was created.' },
    USER_UPDATED: { description: 'The profile was changed.' },
    USER_DEACTIVATED: { description: 'The account was taken out of use.' },
    USER_REACTIVATED: { description: 'The account was brought back.' },
    EMAIL_PREFERENCES_UPDATED: { description: 'Decisions about e-mail were taken or repeated.' },
    EMAIL_VERIFICATION_REQUESTED: { description: 'A confirmation mail was asked for.' },
    EMAIL_VERIFIED: { description: 'An e-mail address was confirmed.' },
    USER_DATA_EXPORTED: { description: 'Somebody else was given everything that is stored about the user.' },
    USER_ERASED: { description: 'The user was erased.' },
    LEGAL_HOLD_PLACED: { description: 'The data were put under a legal hold.' },
    LEGAL_HOLD_RELEASED: { description: 'The legal hold was released.' },
    HISTORY_EXPIRED: { description: 'Entries of the history were removed, as they had had their time.' },
    COMMERCE_RECOMPUTED: {
      description: 'What the history adds up to was wrong, and was computed anew from the history.',
    },
    USER_READ: { description: 'Somebody else read fields that are not for everybody.' },
  },
});
