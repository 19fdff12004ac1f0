import { column, keptMessages, mine, type PersonalTable, permanent, whileUserIsThere } from './personal-data';

/** The tables that the service needs to be exact: events on their way, keys, the trail of audits and erasures. */
export const personalDataOfRecords = {
  audit_keys: {
    ofUser: mine,
    erasure: 'immediately',
    retention: whileUserIsThere,
    columns: {
      user_id: column('identity', 'service', 'whose'),
      key: column('technical', 'service', 'makes the values in the audit trail readable'),
    },
  },
  outbox_events: {
    // Published events carry names and addresses.
    ofUser: `${mine} AND type NOT IN (${Object.keys(keptMessages)
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
      user_id: column('identity', 'service', 'whose event'),
      version: column('technical', 'service', 'order of the user’s events'),
      type: column('behaviour', 'service', 'what happened'),
      data: column('contact', 'service', 'what is told: see the payloads'),
      occurred_at: column('behaviour', 'service', 'when'),
      traceparent: column('technical', 'service', 'to follow a request'),
      published_at: column('technical', 'service', 'whether it is out'),
    },
  },
  idempotency_keys: {
    ofUser: `(${mine} OR actor_id = $1::uuid::text)`,
    erasure: 'in batches',
    retention: [
      {
        name: 'idempotencyKeys',
        which: '(outcome IS NOT NULL OR user_id IS NULL)',
        since: 'created_at',
        days: 7,
        action: 'deleted',
      },
    ],
    columns: {
      actor_id: column('identity', 'service', 'who called'),
      key: column('technical', 'service', 'keyed digest'),
      input_digest: column('technical', 'service', 'keyed digest'),
      user_id: column('identity', 'service', 'whom the call was about'),
      outcome: column('technical', 'service', 'the kind of answer'),
      created_at: column('technical', 'service', 'when'),
    },
  },
  audit_entries: {
    ofUser: mine,
    erasure: { kept: 'evidence; its values are unreadable without the key' },
    retention: permanent,
    columns: {
      id: column('technical', 'auditors', 'key'),
      position: column('technical', 'service', 'order'),
      at: column('technical', 'auditors', 'when', 'accesses.at'),
      actor_id: column('identity', 'auditors', 'who', 'accesses.actor'),
      user_id: column('identity', 'auditors', 'whose data'),
      action: column('technical', 'auditors', 'what was done', 'accesses.action'),
      fields: column('technical', 'auditors', 'names of fields, no values', 'accesses.fields'),
      reason: column('technical', 'auditors', 'why', 'accesses.reason'),
      encrypted_values: column('contact', 'service', 'values before and after, encrypted for each user'),
    },
  },
  audit_unsealed: {
    ofUser: null,
    erasure: { kept: 'ids of entries' },
    retention: { stays: 'until they are sealed' },
    columns: { entry_id: column('technical', 'service', 'which entry waits for its seal') },
  },
  audit_seals: {
    ofUser: null,
    erasure: { kept: 'ids and digests of entries: the chain stays verifiable' },
    retention: permanent,
    columns: {
      number: column('technical', 'service', 'order'),
      entry_ids: column('technical', 'service', 'which entries are sealed'),
      entry_digests: column('technical', 'service', 'shows a changed entry'),
      previous_hash: column('technical', 'service', 'links the seals'),
      hash: column('technical', 'service', 'links the seals'),
      sealed_at: column('technical', 'service', 'when'),
    },
  },
  erasures: {
    ofUser: mine,
    erasure: { kept: 'the proof of the erasure' },
    retention: permanent,
    columns: {
      id: column('technical', 'officers', 'key'),
      user_id: column('identity', 'officers', 'who was erased'),
      status: column('technical', 'officers', 'how far it has come'),
      requested_at: column('technical', 'officers', 'when'),
      completed_at: column('technical', 'officers', 'when nothing was left'),
      requested_by: column('identity', 'service', 'who asked for it'),
      reason: column(
        'technical',
        'service',
        'why; staff put no personal data here, and what users say is not kept',
      ),
      effects: column('technical', 'officers', 'how many records of which store'),
    },
  },
  erased_users: {
    ofUser: mine,
    erasure: { kept: 'an id, so that nothing brings the user back' },
    retention: permanent,
    columns: {
      user_id: column('identity', 'service', 'an id that is taken for ever'),
      erased_at: column('technical', 'service', 'since when'),
      erasure_id: column('technical', 'service', 'by which erasure'),
    },
  },
  erased_events: {
    ofUser: null,
    erasure: { kept: 'identities of events, so that the next delivery has no effect' },
    retention: permanent,
    columns: {
      source: column('technical', 'service', 'who sent it'),
      event_id: column('technical', 'service', 'which event'),
    },
  },
  signing_keys: {
    ofUser: null,
    erasure: { kept: 'nobody’s' },
    retention: permanent,
    columns: {
      purpose: column('technical', 'service', 'what it signs'),
      generation: column('technical', 'service', 'which of its keys'),
      key: column('technical', 'service', 'secret'),
      created_at: column('technical', 'service', 'when'),
    },
  },
  schema_migrations: {
    ofUser: null,
    erasure: { kept: 'nobody’s' },
    retention: permanent,
    columns: {
      id: column('technical', 'service', 'key'),
      timestamp: column('technical', 'service', 'when the migration was written'),
      name: column('technical', 'service', 'which migration'),
    },
  },
} as const satisfies Record<string, PersonalTable>;
