import { byUserId, column, exported, type PersonalTable, whileUserExists } from './personal-data';

const compare = 'for case-insensitive comparison';
const consent = 'consent to e-mail';

/** The tables of profiles, consents, verifications and legal holds. */
export const personalDataOfUsers = {
  address_changes: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: [{ name: 'addressChanges', since: 'changed_at', days: 1, action: 'deleted' }],
    columns: {
      user_id: column('identity', 'service', 'identifies the user'),
      tried_at: column('technical', 'service', 'limits how many new addresses a person tries'),
      changed_at: column('technical', 'service', 'when the row expires'),
    },
  },
  email_preference_decisions: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: whileUserExists,
    columns: {
      id: column('technical', 'service', 'key'),
      user_id: column('identity', 'service', 'identifies the user'),
      topic: exported('consents.topic', column('behaviour', 'self', 'the topic')),
      granted: exported('consents.granted', column('behaviour', 'self', 'what was decided')),
      source: exported('consents.source', column('behaviour', 'self', 'evidence: where the person decided')),
      wording_version: exported(
        'consents.wordingVersion',
        column('behaviour', 'self', 'evidence: the wording shown'),
      ),
      actor_id: exported('consents.actor', column('identity', 'self', 'evidence: who decided')),
      decided_at: exported('consents.decidedAt', column('behaviour', 'self', 'evidence: when')),
    },
  },
  email_verification_tokens: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: [{ name: 'verificationTokens', since: 'expires_at', days: 7, action: 'deleted' }],
    columns: {
      id: column('technical', 'service', 'makes a token work once'),
      user_id: column('identity', 'service', 'identifies the user'),
      email_digest: column('technical', 'service', 'keyed digest: which address the token confirms'),
      issued_at: exported('verifications.issuedAt', column('technical', 'self', 'when it was requested')),
      expires_at: exported('verifications.expiresAt', column('technical', 'self', 'when it expires')),
      used_at: exported('verifications.usedAt', column('technical', 'self', 'when it was used')),
    },
  },
  external_ids: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: whileUserExists,
    columns: {
      system: column('technical', 'service', 'the other system'),
      external_id: column('identity', 'service', 'makes the id unique in that system'),
      user_id: column('identity', 'service', 'identifies the user'),
    },
  },
  user_activity: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: whileUserExists,
    columns: {
      user_id: column('identity', 'service', 'identifies the user'),
      last_seen_at: exported(
        'activity.lastSeenAt',
        column('behaviour', 'self', 'when the person last signed in'),
      ),
    },
  },
  inactivity_warnings: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: { stays: 'until the user is active or deactivated' },
    columns: {
      user_id: column('identity', 'service', 'identifies the user'),
      last_active_at: exported(
        'inactivity.lastActiveAt',
        column('behaviour', 'self', 'the last activity before the warning'),
      ),
      event_id: column('technical', 'service', 'which event warned the user'),
      warned_at: exported('inactivity.warnedAt', column('behaviour', 'self', 'when the user was warned')),
      published_at: column('technical', 'service', 'since when the days until the deactivation count'),
    },
  },
  legal_holds: {
    ofUser: byUserId,
    erasure: { kept: 'a user under a hold is not erased; a release deletes the row' },
    retention: { stays: 'until it is released' },
    columns: {
      user_id: column('identity', 'service', 'identifies the user'),
      reason: column('technical', 'service', 'why'),
      placed_by: column('identity', 'service', 'who placed it'),
      placed_at: column('technical', 'self', 'since when'),
    },
  },
  phone_verification_codes: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: [{ name: 'phoneVerificationCodes', since: 'expires_at', days: 7, action: 'deleted' }],
    columns: {
      id: column('technical', 'service', 'key'),
      user_id: column('identity', 'service', 'identifies the user'),
      phone_digest: column('technical', 'service', 'keyed digest: which number the code confirms'),
      code_digest: column('technical', 'service', 'keyed digest of the code'),
      tries: exported('phoneVerifications.tries', column('technical', 'self', 'limits guesses')),
      issued_at: exported(
        'phoneVerifications.issuedAt',
        column('technical', 'self', 'when it was requested; limits requests'),
      ),
      expires_at: exported('phoneVerifications.expiresAt', column('technical', 'self', 'when it expires')),
      used_at: exported('phoneVerifications.usedAt', column('technical', 'self', 'when it was used')),
    },
  },
  unseen_users: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: whileUserExists,
    columns: { user_id: column('identity', 'service', 'lists users that never signed in') },
  },
  user_search: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: whileUserExists,
    columns: {
      user_id: column('identity', 'service', 'identifies the user'),
      term: column('contact', 'service', 'to find users by address, username and names'),
    },
  },
  users: {
    ofUser: 'id = $1::uuid',
    erasure: 'immediately',
    retention: [
      {
        name: 'users',
        // An erasure that was promised for a later day does not come earlier.
        which: `status = 'DEACTIVATED'
          AND NOT EXISTS (SELECT FROM erasures WHERE erasures.user_id = users.id AND erasures.status = 'SCHEDULED')`,
        since: 'status_changed_at',
        days: 'RETENTION_DEACTIVATED_DAYS',
        action: 'erased',
      },
      // Users that the AuthenticationService has not accepted.
      {
        name: 'pendingUsers',
        which: "status = 'PENDING'",
        since: 'created_at',
        days: 1,
        action: 'withdrawn',
      },
    ],
    columns: {
      id: column('identity', 'anyone', 'identifies the user'),
      email: exported('profile.email', column('contact', 'self', 'to reach the person')),
      email_normalized: column('contact', 'service', compare),
      username: exported('profile.username', column('identity', 'self', 'to sign in')),
      username_normalized: column('identity', 'service', compare),
      pending_email: exported(
        'profile.pendingEmail',
        column('contact', 'self', 'a new address until it is confirmed'),
      ),
      first_name: exported('profile.firstName', column('identity', 'self', 'to address the person')),
      first_name_normalized: column('identity', 'service', compare),
      last_name: exported('profile.lastName', column('identity', 'self', 'to address the person')),
      last_name_normalized: column('identity', 'service', compare),
      display_name: exported(
        'profile.displayName',
        column('public', 'anyone', 'the public name that the person chose'),
      ),
      phone_number: exported('profile.phoneNumber', column('contact', 'self', 'to reach the person')),
      address: exported('profile.address', column('contact', 'self', 'to deliver orders')),
      locale: exported('profile.locale', column('identity', 'self', 'the language of messages')),
      time_zone: exported('profile.timeZone', column('identity', 'self', 'to show local times')),
      email_verification: exported(
        'profile.emailVerification',
        column('technical', 'self', 'whether the address is verified'),
      ),
      email_verified_at: exported('profile.emailVerifiedAt', column('technical', 'self', 'since when')),
      phone_verification: exported(
        'profile.phoneVerification',
        column('technical', 'self', 'whether the number is verified'),
      ),
      phone_verified_at: exported('profile.phoneVerifiedAt', column('technical', 'self', 'since when')),
      status: exported('profile.status', column('public', 'anyone', 'whether the account is in use')),
      status_reason: exported('profile.statusReason', column('behaviour', 'self', 'why it is deactivated')),
      status_notes: column('behaviour', 'staff', 'notes of staff; not shown to the user'),
      status_changed_at: exported('profile.statusChangedAt', column('behaviour', 'self', 'since when')),
      external_ids: exported(
        'profile.externalIds',
        column('identity', 'self', 'to find the user by an id of another system'),
        `coalesce(users.external_ids, '[]')`,
      ),
      marketing: exported('emailPreferences.marketing', column('behaviour', 'self', consent)),
      newsletter: exported('emailPreferences.newsletter', column('behaviour', 'self', consent)),
      recommendations: exported('emailPreferences.recommendations', column('behaviour', 'self', consent)),
      loyalty: exported('emailPreferences.loyalty', column('behaviour', 'self', consent)),
      order_updates: exported('emailPreferences.orderUpdates', column('behaviour', 'self', consent)),
      unsubscribed_at: exported(
        'emailPreferences.unsubscribedAt',
        column('behaviour', 'self', 'when all topics were turned off'),
      ),
      preferences_updated_at: exported(
        'emailPreferences.updatedAt',
        column('behaviour', 'self', 'when preferences last changed'),
      ),
      version: exported('profile.version', column('technical', 'self', 'counts changes')),
      revision: column('technical', 'service', 'counts writes, for the cache'),
      created_at: exported('profile.createdAt', column('behaviour', 'self', 'when the account was created')),
      updated_at: exported('profile.updatedAt', column('behaviour', 'self', 'when it last changed')),
    },
  },
} as const satisfies Record<string, PersonalTable>;
