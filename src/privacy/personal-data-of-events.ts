import type { DataClass } from './personal-data';

/** What a field of a message tells of a person, and why it is in there. */
type PayloadField = readonly [dataClass: DataClass, purpose: string];

const userId: PayloadField = ['identity', 'who is meant'];
const choice: PayloadField = ['behaviour', 'what the person allows e-mail about'];
const total: PayloadField = ['behaviour', 'what the order cost'];

const audited: Readonly<Record<string, PayloadField>> = {
  userId,
  actor: ['identity', 'who did it'],
  action: ['technical', 'what was done'],
  fields: ['technical', 'names of fields, never values'],
  at: ['technical', 'when'],
  reason: ['technical', 'why, in a word of a fixed list'],
};

/** Every field of every message, out and in. Of messages in, nothing else is kept once they are read. */
export const personalDataOfEvents: Readonly<Record<string, Readonly<Record<string, PayloadField>>>> = {
  UserCreated: {
    userId,
    email: ['contact', 'to reach the person'],
    createdAt: ['behaviour', 'when'],
    firstName: ['identity', 'to address the person'],
    lastName: ['identity', 'to address the person'],
  },
  UserDeactivated: {
    userId,
    deactivatedAt: ['behaviour', 'when'],
    reason: ['behaviour', 'why'],
    additionalNotes: ['behaviour', 'what staff noted'],
  },
  UserUpdated: {
    userId,
    updatedAt: ['behaviour', 'when'],
    changedFields: ['technical', 'names of fields, never values'],
  },
  UserReactivated: { userId, reactivatedAt: ['behaviour', 'when'] },
  UserEmailPreferencesUpdated: {
    userId,
    marketing: choice,
    newsletter: choice,
    recommendations: choice,
    loyalty: choice,
    orderUpdates: choice,
    unsubscribedAt: ['behaviour', 'when it said no to all'],
    updatedAt: ['behaviour', 'when it decided'],
  },
  UserEmailVerified: {
    userId,
    verifiedAt: ['behaviour', 'when'],
    emailChanged: ['technical', 'whether the address is a new one'],
  },
  UserEmailVerificationRequested: {
    userId,
    email: ['contact', 'where to write to'],
    token: ['technical', 'secret: confirms the address'],
    expiresAt: ['technical', 'until when it works'],
  },
  UserErased: { userId, erasedAt: ['technical', 'when'] },
  UserDataAccessed: audited,
  UserDataChanged: audited,
  AuditSealed: {
    number: ['technical', 'which seal'],
    hash: ['technical', 'the head of the chain'],
    entries: ['technical', 'how many entries'],
    sealedAt: ['technical', 'when'],
  },
  OrderPlaced: {
    orderId: ['identity', 'which order'],
    userId,
    customerId: userId,
    total,
    totalAmount: total,
    currency: total,
    placedAt: ['behaviour', 'when'],
    createdAt: ['behaviour', 'when'],
    items: ['behaviour', 'only how many are kept'],
  },
  PaymentFailed: {
    paymentId: ['identity', 'which payment'],
    orderId: ['identity', 'for which order'],
    errorCode: ['behaviour', 'why'],
    errorMessage: ['behaviour', 'why, in words'],
    timestamp: ['behaviour', 'when'],
    amount: ['behaviour', 'how much'],
  },
  LoyaltyPointsEarned: {
    userId,
    customerId: userId,
    points: ['behaviour', 'how many'],
    earnedAt: ['behaviour', 'when'],
    orderId: ['identity', 'for which order'],
    reason: ['behaviour', 'for what'],
  },
};
