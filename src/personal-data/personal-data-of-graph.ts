import type { PersonalColumn } from './personal-data';
import { personalDataOfUsers } from './personal-data-of-users';

/** What a graph field shows: columns (`table.column`), all fields of another type, or data that no column stores. */
export type ShownData = readonly string[] | { readonly type: string } | Omit<PersonalColumn, 'exportedAs'>;

const pastValue: ShownData = ['audit_entries.encrypted_values'];
const preferences: ShownData = { type: 'EmailPreferences' };
const address: ShownData = ['users.address'];
const externalIds: ShownData = ['users.external_ids'];
const structure: ShownData = {
  dataClass: 'technical',
  readers: 'anyone',
  purpose: 'structure of the response',
};

/** Columns of the profile that `Verification` shows. */
const verifiedAt: readonly string[] = ['emailVerifiedAt', 'phoneVerifiedAt'];

/** Fields of the profile that `UserProfile` does not have. */
const presentOnly: readonly string[] = [
  'pendingEmail',
  'statusChangedAt',
  'externalIds',
  'createdAt',
  'updatedAt',
];

/** Every graph field by type, and under `*` fields of any type. Building the schema fails for a missing field. */
export const personalDataOfGraph: Readonly<Record<string, Readonly<Record<string, ShownData>>>> = {
  User: {
    id: ['users.id'],
    ...profileFields(),
    emailVerification: ['users.email_verification', 'users.email_verified_at'],
    phoneVerification: ['users.phone_verification', 'users.phone_verified_at'],
    externalIds,
    emailPreferences: preferences,
    statusNotes: ['users.status_notes'],
    lastSeenAt: ['user_activity.last_seen_at'],
    erasureScheduledFor: ['erasures.scheduled_for'],
    commerce: { type: 'CommerceSummary' },
    history: { type: 'UserHistoryEntry' },
  },
  Address: { street: address, city: address, state: address, postalCode: address, country: address },
  ExternalId: { system: externalIds, id: externalIds },
  Verification: {
    status: ['users.email_verification', 'users.phone_verification'],
    verifiedAt: ['users.email_verified_at', 'users.phone_verified_at'],
  },
  EmailPreferences: {
    userId: ['users.id'],
    marketing: ['users.marketing', 'email_preference_decisions.granted'],
    newsletter: ['users.newsletter', 'email_preference_decisions.granted'],
    recommendations: ['users.recommendations', 'email_preference_decisions.granted'],
    loyalty: ['users.loyalty', 'email_preference_decisions.granted'],
    orderUpdates: ['users.order_updates', 'email_preference_decisions.granted'],
    unsubscribedAt: ['users.unsubscribed_at', 'email_preference_decisions.decided_at'],
    updatedAt: ['users.preferences_updated_at', 'email_preference_decisions.decided_at'],
    unsubscribeUrl: { dataClass: 'identity', readers: 'self', purpose: 'holds the user’s id, signed' },
  },
  CommerceSummary: {
    orderCount: ['user_commerce.order_count'],
    lastOrderAt: ['user_commerce.last_order_at'],
    spent: { type: 'Money' },
    cancelledOrderCount: ['user_commerce.cancelled_order_count'],
    failedPaymentCount: ['user_commerce.failed_payment_count'],
    lastPaymentFailedAt: ['user_commerce.last_payment_failed_at'],
    loyaltyPoints: ['user_commerce.loyalty_points'],
  },
  Money: { amount: ['user_spending.amount'], currency: ['user_spending.currency'] },
  UserHistoryEntry: {
    id: ['user_history.id'],
    type: ['user_history.type'],
    occurredAt: ['user_history.occurred_at'],
    recordedAt: ['user_history.recorded_at'],
    source: ['user_history.source'],
    eventId: ['user_history.event_id'],
    late: ['user_history.late'],
    summary: ['user_history.summary'],
    data: ['user_history.data'],
  },
  AuditEntry: {
    id: ['audit_entries.id'],
    at: ['audit_entries.at'],
    actor: ['audit_entries.actor_id'],
    action: ['audit_entries.action'],
    fields: ['audit_entries.fields'],
    count: ['audit_entries.field_groups'],
    reason: ['audit_entries.reason'],
    changes: { type: 'AuditChange' },
  },
  AuditChange: { field: ['audit_entries.fields'], before: pastValue, after: pastValue },
  UserProfile: pastProfileFields(),
  Erasure: {
    id: ['erasures.id'],
    userId: ['erasures.user_id'],
    status: ['erasures.status'],
    requestedAt: ['erasures.requested_at'],
    scheduledFor: ['erasures.scheduled_for'],
    completedAt: ['erasures.completed_at'],
    effects: ['erasures.effects'],
  },
  ErasureEffect: { store: ['erasures.effects'], records: ['erasures.effects'] },
  UserDataExport: {
    generatedAt: structure,
    document: { dataClass: 'contact', readers: 'self', purpose: 'all exported data' },
  },
  VersionConflictError: { currentVersion: ['users.version'] },
  LegalHoldError: { heldSince: ['legal_holds.placed_at'] },
  FieldProblem: { path: structure, code: structure },
  PageInfo: {
    hasNextPage: structure,
    hasPreviousPage: structure,
    startCursor: structure,
    endCursor: structure,
  },
  '*': { cursor: structure, message: structure, totalCount: structure },
};

/** A field for each column of `users` that is exported as `profile.<field>`. */
function profileFields(): Record<string, ShownData> {
  const columns: Readonly<Record<string, PersonalColumn>> = personalDataOfUsers.users.columns;
  return Object.fromEntries(
    Object.entries(columns).flatMap(([column, { exportedAs }]) => {
      const [section, field = ''] = exportedAs?.split('.') ?? [];
      return section === 'profile' && !verifiedAt.includes(field) ? [[field, [`users.${column}`]]] : [];
    }),
  );
}

/** The fields of the profile as `UserProfile` shows them. */
function pastProfileFields(): Record<string, ShownData> {
  const names = Object.keys(profileFields()).filter((name) => !presentOnly.includes(name));
  return Object.fromEntries(names.map((name) => [name, pastValue]));
}
