import { type Column, field, secret } from './message-fields';
import type { PersonalMessage } from './personal-data';

const toServices = { exchange: 'user.events', storedIn: ['outbox_events'] } as const;
const toAuditors = { ...toServices, exchange: 'audit.events', isDeletedOncePublished: true } as const;
const untilFolded = ['waiting_events', 'parked_messages'] as const;

const userId = field('identity', 'identifies the user', 'users.id');
const choice = (column: Column) => field('behaviour', 'consent to e-mail', column);

const audited = {
  actor: field('identity', 'actor', 'audit_entries.actor_id'),
  action: field('technical', 'what was done', 'audit_entries.action'),
  at: field('technical', 'when', 'audit_entries.at'),
  reason: field('technical', 'why, as a word of a fixed list', 'audit_entries.reason'),
};

const inData = 'user_history.data';
const inSummary = 'user_history.summary';
const customer = field('identity', 'identifies the user', 'user_history.user_id', 'user_orders.user_id');
const total = field('behaviour', 'what the order cost', inData, inSummary, 'user_spending.amount');
const placedAt = field(
  'behaviour',
  'when',
  'user_history.occurred_at',
  'user_commerce.last_order_at',
  'user_commerce.last_entry_at',
);
const earner = field('identity', 'identifies the user', 'user_history.user_id', 'user_commerce.user_id');

const cancelledAt = field('behaviour', 'when', 'user_history.occurred_at', 'user_commerce.last_entry_at');
const orderCancelled: PersonalMessage<Column> = {
  exchange: 'order.events',
  storedIn: untilFolded,
  fields: {
    orderId: field('identity', 'which order', inData, 'cancelled_orders.order_id'),
    cancelledAt,
    canceledAt: cancelledAt,
    timestamp: cancelledAt,
    reason: field('behaviour', 'why, as text', inData),
  },
};

const signedInUser = field('identity', 'identifies the user', 'user_activity.user_id');
const signedInAt = field('behaviour', 'when', 'user_activity.last_seen_at');
const userAuthenticated: PersonalMessage<Column> = {
  exchange: 'authentication.events',
  storedIn: ['parked_messages'],
  fields: {
    userId: signedInUser,
    customerId: signedInUser,
    authenticatedAt: signedInAt,
    occurredAt: signedInAt,
    timestamp: signedInAt,
    method: field('behaviour', 'how the person signed in; not stored'),
  },
};

/** Every field of every published and consumed message. */
export const personalDataOfEvents: Readonly<Record<string, PersonalMessage<Column>>> = {
  UserCreated: {
    ...toServices,
    fields: {
      userId,
      email: field('contact', 'to reach the person', 'users.email'),
      createdAt: field('behaviour', 'when', 'users.created_at'),
      firstName: field('identity', 'to address the person', 'users.first_name'),
      lastName: field('identity', 'to address the person', 'users.last_name'),
    },
  },
  UserDeactivated: {
    ...toServices,
    fields: {
      userId,
      deactivatedAt: field('behaviour', 'when', 'users.status_changed_at'),
      reason: field('behaviour', 'why', 'users.status_reason', inData),
      additionalNotes: field('behaviour', 'notes of staff', 'users.status_notes'),
    },
  },
  UserUpdated: {
    ...toServices,
    fields: {
      userId,
      updatedAt: field('behaviour', 'when', 'users.updated_at'),
      changedFields: field('technical', 'names of fields, never values', inData, inSummary),
    },
  },
  UserReactivated: {
    ...toServices,
    fields: { userId, reactivatedAt: field('behaviour', 'when', 'users.status_changed_at') },
  },
  UserEmailPreferencesUpdated: {
    ...toServices,
    fields: {
      userId,
      marketing: choice('users.marketing'),
      newsletter: choice('users.newsletter'),
      recommendations: choice('users.recommendations'),
      loyalty: choice('users.loyalty'),
      orderUpdates: choice('users.order_updates'),
      unsubscribedAt: field('behaviour', 'when all topics were turned off', 'users.unsubscribed_at'),
      updatedAt: field('behaviour', 'when preferences last changed', 'users.preferences_updated_at'),
    },
  },
  UserEmailVerified: {
    ...toServices,
    fields: {
      userId,
      verifiedAt: field('behaviour', 'when', 'users.email_verified_at'),
      emailChanged: field('technical', 'whether the address is a new one'),
      previousEmail: field('contact', 'to notify the address that was replaced; only this event has it'),
    },
  },
  UserEmailVerificationRequested: {
    ...toServices,
    fields: {
      userId,
      email: field('contact', 'the address to confirm', 'users.email', 'users.pending_email'),
      currentEmail: field('contact', 'to notify the address that is to be replaced', 'users.email'),
      token: secret('confirms the address'),
      expiresAt: field('technical', 'when it expires', 'email_verification_tokens.expires_at'),
    },
  },
  UserPhoneVerificationRequested: {
    ...toServices,
    fields: {
      userId,
      phoneNumber: field('contact', 'the number to confirm', 'users.phone_number'),
      code: secret('confirms the number'),
      expiresAt: field('technical', 'when it expires', 'phone_verification_codes.expires_at'),
    },
  },
  UserPhoneVerified: {
    ...toServices,
    fields: { userId, verifiedAt: field('behaviour', 'when', 'users.phone_verified_at') },
  },
  UserInactivityWarned: {
    ...toServices,
    fields: {
      userId,
      lastActiveAt: field('behaviour', 'when the user was last active', 'inactivity_warnings.last_active_at'),
      deactivatesAt: field('technical', 'when the account is deactivated at the earliest'),
    },
  },
  UserErasureScheduled: {
    ...toServices,
    fields: { userId, scheduledFor: field('behaviour', 'when it is due', 'erasures.scheduled_for') },
  },
  UserErasureCancelled: { ...toServices, fields: { userId } },
  UserErased: {
    ...toServices,
    fields: {
      userId: field('identity', 'identifies the user', 'erased_users.user_id', 'erasures.user_id'),
      erasedAt: field('technical', 'when', 'erased_users.erased_at'),
    },
  },
  UserDataAccessed: {
    ...toAuditors,
    fields: {
      ...audited,
      accesses: field(
        'identity',
        'ids of users, and names of the fields read of them, never values',
        'audit_entries.user_ids',
        'audit_entries.field_groups',
      ),
    },
  },
  UserDataChanged: {
    ...toAuditors,
    fields: {
      ...audited,
      userId: field('identity', 'identifies the user', 'audit_entries.user_id'),
      fields: field('technical', 'names of fields, never values', 'audit_entries.fields'),
    },
  },
  AuditSealed: {
    ...toAuditors,
    fields: {
      number: field('technical', 'which seal', 'audit_seals.number'),
      hash: field('technical', 'the head of the chain', 'audit_seals.hash'),
      entries: field('technical', 'how many entries'),
      sealedAt: field('technical', 'when', 'audit_seals.sealed_at'),
    },
  },
  OrderPlaced: {
    exchange: 'order.events',
    storedIn: untilFolded,
    fields: {
      orderId: field('identity', 'which order', 'user_orders.order_id', inData),
      userId: customer,
      customerId: customer,
      total,
      totalAmount: total,
      currency: field('behaviour', 'what the order cost', inData, inSummary, 'user_spending.currency'),
      placedAt,
      createdAt: placedAt,
      items: field('behaviour', 'only their number is stored', inData, inSummary),
    },
  },
  OrderCancelled: orderCancelled,
  OrderCanceled: orderCancelled,
  UserAuthenticated: userAuthenticated,
  CustomerAuthenticated: userAuthenticated,
  PaymentFailed: {
    exchange: 'payment.events',
    storedIn: untilFolded,
    fields: {
      paymentId: field('identity', 'which payment', inData),
      orderId: field('identity', 'for which order', inData),
      errorCode: field('behaviour', 'why', inData, inSummary),
      errorMessage: field('behaviour', 'why, as text', inData),
      timestamp: field(
        'behaviour',
        'when',
        'user_history.occurred_at',
        'user_commerce.last_payment_failed_at',
        'user_commerce.last_entry_at',
      ),
      amount: field('behaviour', 'how much', inData, inSummary),
    },
  },
  LoyaltyPointsEarned: {
    exchange: 'loyalty.events',
    storedIn: untilFolded,
    fields: {
      userId: earner,
      customerId: earner,
      points: field('behaviour', 'how many', inData, inSummary, 'user_commerce.loyalty_points'),
      earnedAt: field('behaviour', 'when', 'user_history.occurred_at', 'user_commerce.last_entry_at'),
      orderId: field('identity', 'for which order', inData),
      reason: field('behaviour', 'for what', inData),
    },
  },
};

/** The secret fields of each message type that has some. */
export const secretFields: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(personalDataOfEvents).flatMap(([type, { fields }]) => {
    const names = Object.keys(fields).filter((name) => fields[name]?.isSecret);
    return names.length > 0 ? [[type, names]] : [];
  }),
);

/** The message types that the outbox deletes once they are published. */
export const deletedOncePublished: readonly string[] = Object.entries(personalDataOfEvents).flatMap(
  ([type, message]) => ('isDeletedOncePublished' in message ? [type] : []),
);
