import { column, mine, type PersonalTable, whileUserIsThere } from './personal-data';

const compare = 'to compare without regard to case';
const may = 'what the person allows e-mail about';

/** The tables of profiles, and of what people decided and confirmed. */
export const personalDataOfUsers = {
  email_preference_decisions: {
    ofUser: mine,
    erasure: 'immediately',
    retention: whileUserIsThere,
    columns: {
      id: column('technical', 'service', 'key'),
      user_id: column('identity', 'service', 'whose decision'),
      topic: column('behaviour', 'self', 'the purpose that it is about', 'consents.topic'),
      granted: column('behaviour', 'self', 'what was decided', 'consents.granted'),
      source: column('behaviour', 'self', 'evidence: where the person said so', 'consents.source'),
      wording_version: column(
        'behaviour',
        'self',
        'evidence: what the person was shown',
        'consents.wordingVersion',
      ),
      actor_id: column('identity', 'self', 'evidence: who said so', 'consents.actor'),
      decided_at: column('behaviour', 'self', 'evidence: when', 'consents.decidedAt'),
    },
  },
  email_verification_tokens: {
    ofUser: mine,
    erasure: 'immediately',
    retention: [{ name: 'verificationTokens', since: 'expires_at', days: 7, action: 'deleted' }],
    columns: {
      id: column('technical', 'service', 'makes a token work once'),
      user_id: column('identity', 'service', 'whose address'),
      email_digest: column('technical', 'service', 'keyed digest: which address the token confirms'),
      issued_at: column('technical', 'self', 'when it was asked for', 'verifications.issuedAt'),
      expires_at: column('technical', 'self', 'until when it works', 'verifications.expiresAt'),
      used_at: column('technical', 'self', 'when it was used', 'verifications.usedAt'),
    },
  },
  legal_holds: {
    ofUser: mine,
    erasure: { kept: 'a user under a hold is not erased; released, its row is gone' },
    retention: { stays: 'until it is released' },
    columns: {
      user_id: column('identity', 'service', 'whose data are kept'),
      reason: column('technical', 'service', 'why'),
      placed_by: column('identity', 'service', 'who decided it'),
      placed_at: column('technical', 'self', 'since when'),
    },
  },
  users: {
    ofUser: 'id = $1::uuid',
    erasure: 'immediately',
    retention: [
      {
        name: 'users',
        which: "status = 'DEACTIVATED'",
        since: 'status_changed_at',
        days: 'RETENTION_DEACTIVATED_DAYS',
        action: 'erased',
      },
      // Those whom the AuthenticationService has not accepted.
      {
        name: 'pendingUsers',
        which: "status = 'PENDING'",
        since: 'created_at',
        days: 1,
        action: 'withdrawn',
      },
    ],
    columns: {
      id: column('identity', 'anyone', 'who is meant'),
      email: column('contact', 'self', 'to reach the person', 'profile.email'),
      email_normalized: column('contact', 'service', compare),
      username: column('identity', 'self', 'to sign in', 'profile.username'),
      username_normalized: column('identity', 'service', compare),
      pending_email: column('contact', 'self', 'a new address until it is confirmed', 'profile.pendingEmail'),
      first_name: column('identity', 'self', 'to address the person', 'profile.firstName'),
      first_name_normalized: column('identity', 'service', compare),
      last_name: column('identity', 'self', 'to address the person', 'profile.lastName'),
      last_name_normalized: column('identity', 'service', compare),
      display_name: column(
        'public',
        'anyone',
        'the name the person chose to be seen under',
        'profile.displayName',
      ),
      phone_number: column('contact', 'self', 'to reach the person', 'profile.phoneNumber'),
      address: column('contact', 'self', 'to deliver orders', 'profile.address'),
      locale: column('identity', 'self', 'the language to write in', 'profile.locale'),
      time_zone: column('identity', 'self', 'the time to show', 'profile.timeZone'),
      email_verification: column('technical', 'self', 'whether e-mail arrives', 'profile.emailVerification'),
      email_verified_at: column('technical', 'self', 'since when', 'profile.emailVerifiedAt'),
      phone_verification: column(
        'technical',
        'self',
        'whether the number is theirs',
        'profile.phoneVerification',
      ),
      phone_verified_at: column('technical', 'self', 'since when', 'profile.phoneVerifiedAt'),
      status: column('public', 'anyone', 'whether the account is in use', 'profile.status'),
      status_reason: column('behaviour', 'self', 'why it is not', 'profile.statusReason'),
      status_notes: column('behaviour', 'staff', 'what staff noted; not for the user'),
      status_changed_at: column('behaviour', 'self', 'since when', 'profile.statusChangedAt'),
      marketing: column('behaviour', 'self', may, 'emailPreferences.marketing'),
      newsletter: column('behaviour', 'self', may, 'emailPreferences.newsletter'),
      recommendations: column('behaviour', 'self', may, 'emailPreferences.recommendations'),
      loyalty: column('behaviour', 'self', may, 'emailPreferences.loyalty'),
      order_updates: column('behaviour', 'self', may, 'emailPreferences.orderUpdates'),
      unsubscribed_at: column(
        'behaviour',
        'self',
        'when it said no to all',
        'emailPreferences.unsubscribedAt',
      ),
      preferences_updated_at: column('behaviour', 'self', 'when it decided', 'emailPreferences.updatedAt'),
      version: column('technical', 'self', 'counts changes', 'profile.version'),
      revision: column('technical', 'service', 'counts writes, for the cache'),
      created_at: column('behaviour', 'self', 'when the account was made', 'profile.createdAt'),
      updated_at: column('behaviour', 'self', 'when it last changed', 'profile.updatedAt'),
    },
  },
} as const satisfies Record<string, PersonalTable>;
