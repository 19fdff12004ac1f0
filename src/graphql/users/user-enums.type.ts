import { registerEnumType } from 'type-graphql';
import { auditActions } from '../../audit/audit-entry.entity';
import { historyEntryTypes } from '../../history/history-entry.entity';
import { userOrderFields } from '../../users/lists/user-order';
import {
  deactivationReasons,
  type EmailTopic as TopicName,
  userStatuses,
  verificationStatuses,
} from '../../users/user.entity';

/** Returns an enumeration as `registerEnumType` expects it: an object in which each name has itself as value. */
function enumOf<T extends string>(values: readonly T[]): { readonly [V in T]: V } {
  return Object.fromEntries(values.map((value) => [value, value])) as { [V in T]: V };
}

/** The stored states, and `UNKNOWN` for erased and unknown users. */
export const UserStatus = enumOf([...userStatuses, 'UNKNOWN']);
export type UserStatus = keyof typeof UserStatus;

registerEnumType(UserStatus, {
  name: 'UserStatus',
  description: 'Status of an account.',
  valuesConfig: {
    PENDING: {
      description:
        'The account was created, but the AuthenticationService has not accepted its credentials yet.',
    },
    ACTIVE: { description: 'The account is active.' },
    DEACTIVATED: { description: 'The account is deactivated and can be reactivated.' },
    UNKNOWN: { description: 'The user was erased or never existed. The two cases cannot be distinguished.' },
  },
});

export const UserOrderField = enumOf(userOrderFields);

registerEnumType(UserOrderField, {
  name: 'UserOrderField',
  description: 'What a list of users is ordered by. Users with equal values are ordered by ID.',
  valuesConfig: {
    CREATED_AT: { description: 'When the account was created.' },
    UPDATED_AT: { description: 'When the user last changed.' },
    LAST_SEEN_AT: { description: 'When the user last signed in.' },
    LAST_NAME: { description: 'The last name, regardless of case and accents.' },
  },
});

export const OrderDirection = enumOf(['ASC', 'DESC']);

registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'Direction of an order.',
  valuesConfig: {
    ASC: { description: 'From the oldest time, or from A.' },
    DESC: { description: 'From the newest time, or from Z.' },
  },
});

export const VerificationStatus = enumOf(verificationStatuses);

registerEnumType(VerificationStatus, {
  name: 'VerificationStatus',
  description: 'Status of the verification of an e-mail address or phone number.',
  valuesConfig: {
    UNVERIFIED: { description: 'No verification was requested.' },
    PENDING: { description: 'A verification was requested and is not completed.' },
    VERIFIED: { description: 'The verification is completed.' },
  },
});

export const DeactivationReason = enumOf(deactivationReasons);

registerEnumType(DeactivationReason, {
  name: 'DeactivationReason',
  description: 'Reason for the deactivation of an account.',
  valuesConfig: {
    USER_REQUESTED: { description: 'The user requested the deactivation.' },
    ADMINISTRATIVE_ACTION: { description: 'Staff or another service deactivated the account.' },
    SECURITY_VIOLATION: { description: 'The account was misused.' },
    INACTIVITY: { description: 'The account was inactive for a long time.' },
  },
});

/** The stored name of each topic, by its name in the graph. */
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
  description: 'Topic of an e-mail.',
  valuesConfig: {
    MARKETING: { description: 'Offers and campaigns.' },
    NEWSLETTER: { description: 'The newsletter.' },
    RECOMMENDATIONS: { description: 'Recommended products.' },
    LOYALTY: { description: 'News about the loyalty programme.' },
    ORDER_UPDATES: { description: 'Updates about the user’s orders.' },
  },
});

export const HistoryEntryType = enumOf(historyEntryTypes);

registerEnumType(HistoryEntryType, {
  name: 'HistoryEntryType',
  description: 'Type of a history entry.',
  valuesConfig: {
    USER_CREATED: { description: 'The account was created.' },
    USER_UPDATED: { description: 'The profile was changed.' },
    USER_DEACTIVATED: { description: 'The account was deactivated.' },
    USER_REACTIVATED: { description: 'The account was reactivated.' },
    EMAIL_PREFERENCES_UPDATED: { description: 'The e-mail preferences were changed.' },
    EMAIL_VERIFIED: { description: 'An e-mail address was confirmed.' },
    PHONE_VERIFIED: { description: 'A phone number was confirmed.' },
    ORDER_PLACED: { description: 'The user placed an order.' },
    ORDER_CANCELLED: { description: 'One of the user’s orders was cancelled.' },
    PAYMENT_FAILED: { description: 'A payment for one of the user’s orders failed.' },
    LOYALTY_POINTS_EARNED: { description: 'The user earned loyalty points.' },
  },
});

export const AuditAction = enumOf(auditActions);
export type AuditAction = keyof typeof AuditAction;

registerEnumType(AuditAction, {
  name: 'AuditAction',
  description: 'Type of an audit entry.',
  valuesConfig: {
    USER_CREATED: { description: 'The account was created.' },
    USER_UPDATED: { description: 'The profile was changed.' },
    USER_DEACTIVATED: { description: 'The account was deactivated.' },
    USER_REACTIVATED: { description: 'The account was reactivated.' },
    EMAIL_PREFERENCES_UPDATED: { description: 'The e-mail preferences were set, with or without a change.' },
    EMAIL_VERIFICATION_REQUESTED: { description: 'A confirmation e-mail was requested.' },
    EMAIL_VERIFIED: { description: 'An e-mail address was confirmed.' },
    PHONE_VERIFICATION_REQUESTED: { description: 'A code for the phone number was requested.' },
    PHONE_VERIFIED: { description: 'A phone number was confirmed.' },
    USER_DATA_EXPORTED: { description: 'The user’s data was exported by another actor.' },
    ERASURE_SCHEDULED: { description: 'The erasure of the user was scheduled.' },
    ERASURE_CANCELLED: { description: 'The scheduled erasure of the user was cancelled.' },
    USER_ERASED: { description: 'The user was erased.' },
    LEGAL_HOLD_PLACED: { description: 'A legal hold was placed.' },
    LEGAL_HOLD_RELEASED: { description: 'A legal hold was released.' },
    INACTIVITY_WARNED: {
      description: 'The user was warned that the account will be deactivated for inactivity.',
    },
    HISTORY_EXPIRED: { description: 'History entries were deleted at the end of their retention period.' },
    COMMERCE_RECOMPUTED: {
      description: 'The commerce summary differed from the history and was recomputed.',
    },
    PARKED_MESSAGE_DISCARDED: {
      description: 'A message that could not be processed and names the user was discarded.',
    },
    USER_READ: { description: 'Another actor read fields that are not public.' },
  },
});
