import {
  auditEntriesOfUser,
  auditedCountOfUser,
  auditedFieldsOfUser,
  encryptedChangesOfUser,
} from './audit-entries-of-user';
import {
  byUserId,
  column,
  exported,
  keptMessages,
  type PersonalTable,
  permanent,
  whileUserExists,
} from './personal-data';

/** The tables of the service's own records: the outbox, keys, the audit trail and erasures. */
export const personalDataOfRecords = {
  audit_keys: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: whileUserExists,
    columns: {
      user_id: column('identity', 'service', 'identifies the user'),
      key: column('technical', 'service', 'decrypts the values in the audit trail'),
    },
  },
  outbox_events: {
    // Also published events, because they contain names and addresses. Not those in `keptMessages`.
    ofUser: `${byUserId} AND type NOT IN (${Object.keys(keptMessages)
      .map((type) => `'${type}'`)
      .join()})`,
    erasure: 'in batches',
    retention: [
      { name: 'outboxEvents', since: 'published_at', days: 'OUTBOX_RETENTION_DAYS', action: 'deleted' },
    ],
    columns: {
      id: column('technical', 'service', 'the identity of the event'),
      position: column('technical', 'service', 'order'),
      lane: column('technical', 'service', 'which relay publishes it'),
      user_id: column('identity', 'service', 'identifies the user'),
      version: column('technical', 'service', 'order of the user’s events'),
      type: column('behaviour', 'service', 'what happened'),
      data: column('contact', 'service', 'the payload: see the messages'),
      occurred_at: column('behaviour', 'service', 'when'),
      traceparent: column('technical', 'service', 'trace context of the request'),
      published_at: column('technical', 'service', 'when it was published'),
    },
  },
  idempotency_keys: {
    ofUser: `(${byUserId} OR actor_id = $1::uuid::text)`,
    erasure: 'in batches',
    // Calls of other actors stay without user id and input digest, so that a repeated call does not create the user
    // again. The user's own calls are deleted.
    emptied: {
      which: 'actor_id <> $1::uuid::text',
      assignments: `user_id = NULL, input_digest = '', outcome = 'USER_ERASED'`,
    },
    retention: [
      {
        name: 'idempotencyKeys',
        // The calls that created `PENDING` users can be continued. They are removed with these users.
        which: '(outcome IS NOT NULL OR user_id IS NULL)',
        since: 'created_at',
        days: 7,
        action: 'deleted',
      },
    ],
    columns: {
      actor_id: column('identity', 'service', 'the caller'),
      key: column('technical', 'service', 'keyed digest'),
      input_digest: column('technical', 'service', 'keyed digest'),
      user_id: column('identity', 'service', 'identifies the user'),
      outcome: column('technical', 'service', 'the type of result'),
      created_at: column('technical', 'service', 'when'),
    },
  },
  audit_entries: {
    ofUser: auditEntriesOfUser,
    erasure: { kept: 'evidence; its values are unreadable without the key' },
    retention: permanent,
    columns: {
      id: column('technical', 'auditors', 'key'),
      position: column('technical', 'service', 'order'),
      at: exported('accesses.at', column('technical', 'auditors', 'when')),
      actor_id: exported('accesses.actor', column('identity', 'auditors', 'actor')),
      user_id: column('identity', 'auditors', 'identifies the user'),
      action: exported('accesses.action', column('technical', 'auditors', 'what was done')),
      fields: exported(
        'accesses.fields',
        column('technical', 'auditors', 'names of fields, no values'),
        auditedFieldsOfUser,
      ),
      user_ids: column('identity', 'auditors', 'identifies the users who were read'),
      field_groups: exported(
        'accesses.count',
        column('technical', 'auditors', 'names of fields read of these users and how often, no values'),
        auditedCountOfUser,
      ),
      reason: exported('accesses.reason', column('technical', 'auditors', 'why')),
      encrypted_values: exported(
        'accesses.changes',
        column('contact', 'auditors', 'values before and after, encrypted with the user’s key'),
        encryptedChangesOfUser,
      ),
    },
  },
  audit_unsealed: {
    ofUser: null,
    erasure: { kept: 'ids of entries' },
    retention: { stays: 'until they are sealed' },
    columns: { entry_id: column('technical', 'service', 'an entry to seal') },
  },
  audit_seals: {
    ofUser: null,
    erasure: { kept: 'ids and digests of entries: the chain stays verifiable' },
    retention: permanent,
    columns: {
      number: column('technical', 'service', 'order'),
      entry_ids: column('technical', 'service', 'which entries are sealed'),
      entry_digests: column('technical', 'service', 'reveals changed entries'),
      previous_hash: column('technical', 'service', 'links the seals'),
      hash: column('technical', 'service', 'links the seals'),
      sealed_at: column('technical', 'service', 'when'),
      digest_version: column('technical', 'service', 'what the digests cover'),
    },
  },
  audit_archives: {
    ofUser: null,
    erasure: { kept: 'ids and digests of entries: the archives stay verifiable' },
    retention: permanent,
    columns: {
      number: column('technical', 'service', 'order'),
      cut_at: column('technical', 'service', 'entries before this time were archived'),
      last_seal: column('technical', 'service', 'where the chain continues'),
      last_hash: column('technical', 'service', 'links the seals'),
      entry_ids: column('technical', 'service', 'archived entries whose seals stayed'),
      entry_count: column('technical', 'service', 'how many entries'),
      file_digest: column('technical', 'service', 'reveals a changed archive'),
      archived_at: column('technical', 'service', 'when'),
    },
  },
  erasures: {
    ofUser: byUserId,
    erasure: { kept: 'the proof of the erasure' },
    retention: permanent,
    columns: {
      id: column('technical', 'officers', 'key'),
      user_id: column('identity', 'officers', 'identifies the user'),
      status: column('technical', 'officers', 'progress'),
      requested_at: column('technical', 'officers', 'when'),
      scheduled_for: exported(
        'scheduledErasures.scheduledFor',
        column('technical', 'self', 'when it is or was due, if it did not start with the request'),
      ),
      reactivates: column('technical', 'service', 'whether cancelling it reactivates the account'),
      completed_at: column('technical', 'officers', 'when everything was deleted'),
      requested_by: column('identity', 'service', 'the requester'),
      reason: column(
        'technical',
        'service',
        'why; without personal data, and not stored for requests by users',
      ),
      effects: column('technical', 'officers', 'deleted records by store'),
    },
  },
  erased_users: {
    ofUser: byUserId,
    erasure: { kept: 'an id, so that it cannot be used again' },
    retention: permanent,
    columns: {
      user_id: column('identity', 'service', 'an id that cannot be used again'),
      erased_at: column('technical', 'service', 'since when'),
      erasure_id: column('technical', 'service', 'by which erasure'),
    },
  },
  erased_events: {
    ofUser: null,
    erasure: {
      kept: 'identities of events and digests of messages, so that later deliveries have no effect',
    },
    retention: permanent,
    columns: {
      source: column('technical', 'service', 'the producer'),
      event_id: column('technical', 'service', 'which event; of an unreadable message its digest'),
    },
  },
  signing_keys: {
    ofUser: null,
    erasure: { kept: 'of no user' },
    retention: permanent,
    columns: {
      purpose: column('technical', 'service', 'what it signs'),
      generation: column('technical', 'service', 'which of its keys'),
      key: column('technical', 'service', 'secret'),
      created_at: column('technical', 'service', 'when'),
    },
  },
  database_identity: {
    ofUser: null,
    erasure: { kept: 'of no user' },
    retention: permanent,
    columns: {
      id: column('technical', 'service', 'the id of the database'),
    },
  },
  schema_migrations: {
    ofUser: null,
    erasure: { kept: 'of no user' },
    retention: permanent,
    columns: {
      id: column('technical', 'service', 'key'),
      timestamp: column('technical', 'service', 'when the migration was written'),
      name: column('technical', 'service', 'which migration'),
    },
  },
} as const satisfies Record<string, PersonalTable>;
