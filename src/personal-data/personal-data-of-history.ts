import { byUserId, column, exported, type PersonalTable, permanent, whileUserExists } from './personal-data';

const summary = 'summary of the history';

/** The `source` in `erased_events` of parked messages that an erasure deleted; the `event_id` is the fingerprint. */
export const parkedMessageSource = 'fingerprint';

/**
 * SQL condition for parked messages with an address or number of user `$1`, as long as the user exists. PostgreSQL
 * lower-cases a few letters of other scripts otherwise than JavaScript, so an erasure computes the digests itself.
 */
const namesContactOfUser = `named_contacts && ARRAY(
  SELECT encode(sha256(convert_to(contact, 'UTF8')), 'hex') FROM users,
    unnest(ARRAY[email_normalized, lower(normalize(pending_email, NFKC)), phone_number]) AS contact
  WHERE users.id = $1::uuid AND contact IS NOT NULL)`;

/** The tables of users' activity, and of messages about it. */
export const personalDataOfHistory = {
  user_commerce: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: whileUserExists,
    columns: {
      user_id: column('identity', 'service', 'identifies the user'),
      order_count: exported('commerce.orderCount', column('behaviour', 'self', summary)),
      last_order_at: exported('commerce.lastOrderAt', column('behaviour', 'self', summary)),
      cancelled_order_count: exported('commerce.cancelledOrderCount', column('behaviour', 'self', summary)),
      failed_payment_count: exported('commerce.failedPaymentCount', column('behaviour', 'self', summary)),
      last_payment_failed_at: exported('commerce.lastPaymentFailedAt', column('behaviour', 'self', summary)),
      loyalty_points: exported('commerce.loyaltyPoints', column('behaviour', 'self', summary)),
      history_is_cut: column('technical', 'service', 'whether retention has removed entries'),
      last_entry_at: exported(
        'commerce.lastEntryAt',
        column('behaviour', 'self', 'decides whether an event is late'),
      ),
    },
  },
  user_spending: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: whileUserExists,
    columns: {
      user_id: column('identity', 'service', 'identifies the user'),
      currency: exported('spending.currency', column('behaviour', 'self', summary)),
      amount: exported('spending.amount', column('behaviour', 'self', summary)),
      order_count: exported('spending.orderCount', column('behaviour', 'self', summary)),
    },
  },
  user_history: {
    ofUser: byUserId,
    erasure: 'in batches',
    // Counts from when the entry was recorded, because retention must not depend on producers' clocks.
    retention: [
      { name: 'historyEntries', since: 'recorded_at', days: 'RETENTION_HISTORY_DAYS', action: 'summed up' },
    ],
    columns: {
      id: exported('history.id', column('technical', 'self', 'key')),
      user_id: column('identity', 'service', 'identifies the user'),
      type: exported('history.type', column('behaviour', 'self', 'what happened')),
      occurred_at: exported('history.occurredAt', column('behaviour', 'self', 'when')),
      recorded_at: exported('history.recordedAt', column('technical', 'self', 'when it was written')),
      source: exported('history.source', column('technical', 'self', 'the producer')),
      event_id: exported('history.eventId', column('technical', 'self', 'which event')),
      late: exported('history.late', column('technical', 'self', 'whether it arrived late')),
      summary: exported('history.summary', column('behaviour', 'self', 'what happened, in a sentence')),
      data: exported('history.data', column('behaviour', 'self', 'what happened, in detail')),
    },
  },
  waiting_events: {
    // An array, because PostgreSQL scans the whole table for a sub-select under OR.
    ofUser: `((waits_for = 'user' AND waits_for_id = $1::uuid::text) OR (waits_for = 'order'
      AND waits_for_id = ANY(ARRAY(SELECT order_id FROM user_orders WHERE user_id = $1::uuid))))`,
    erasure: 'in batches',
    retention: [{ name: 'waitingEvents', since: 'received_at', days: 'WAITING_DAYS', action: 'parked' }],
    columns: {
      source: column('technical', 'service', 'the producer'),
      event_id: column('technical', 'service', 'which event'),
      type: column('technical', 'service', 'what kind of event'),
      waits_for: column('technical', 'service', 'what it waits for'),
      waits_for_id: column('identity', 'service', 'which user or order it waits for'),
      event: column('behaviour', 'service', 'to fold it once that is known'),
      received_at: column('technical', 'service', 'when it arrived'),
    },
  },
  parked_messages: {
    // Each alternative has an index, and PostgreSQL combines them.
    ofUser: `(user_id = $1::uuid OR named_user_ids @> ARRAY[$1::uuid]
      OR named_order_ids && ARRAY(SELECT order_id FROM user_orders WHERE user_id = $1::uuid)
      OR ${namesContactOfUser})`,
    erasure: 'in batches',
    // A later delivery of a message that has only the user's address cannot be recognized by a user id.
    remembered: { source: `'${parkedMessageSource}'`, eventId: 'fingerprint' },
    retention: [
      { name: 'parkedMessages', since: 'parked_at', days: 'PARKED_RETENTION_DAYS', action: 'deleted' },
    ],
    columns: {
      id: column('technical', 'service', 'key'),
      fingerprint: column('technical', 'service', 'deduplicates deliveries'),
      reason: column('technical', 'service', 'why it cannot be folded'),
      detail: column('technical', 'service', 'explanation without values'),
      type: column('technical', 'service', 'the event type, if known'),
      source: column('technical', 'service', 'the producer'),
      event_id: column('technical', 'service', 'which event'),
      user_id: column('identity', 'service', 'the user it is about, if it says so'),
      named_user_ids: column('identity', 'service', 'user ids in it'),
      named_order_ids: column('identity', 'service', 'order ids in it'),
      named_contacts: column('contact', 'service', 'digests of addresses and numbers in it'),
      exchange: column('technical', 'service', 'where it came from'),
      routing_key: column('technical', 'service', 'where it came from'),
      content_type: column('technical', 'service', 'how to parse it'),
      headers: column('behaviour', 'service', 'to replay it'),
      body: column('behaviour', 'service', 'to replay it'),
      body_bytes: column('technical', 'service', 'size of a body that is stored in part'),
      attempts: column('technical', 'service', 'number of deliveries; for CRASHED the attempts alone'),
      parked_at: column('technical', 'service', 'when'),
    },
  },
  user_orders: {
    ofUser: byUserId,
    erasure: { kept: 'two ids, to recognize later payments for orders of erased users' },
    retention: permanent,
    columns: {
      order_id: exported('orders.orderId', column('identity', 'self', 'which order')),
      user_id: column('identity', 'service', 'the user of the order, which payments do not name'),
    },
  },
  cancelled_orders: {
    ofUser: byUserId,
    erasure: 'immediately',
    retention: whileUserExists,
    columns: {
      order_id: exported('cancelledOrders.orderId', column('identity', 'self', 'which order')),
      user_id: column('identity', 'service', 'identifies the user'),
    },
  },
  delivery_attempts: {
    ofUser: null,
    erasure: { kept: 'a digest and a count' },
    retention: [{ name: 'deliveryAttempts', since: 'attempted_at', days: 7, action: 'deleted' }],
    columns: {
      fingerprint: column('technical', 'service', 'which message, as a digest'),
      attempts: column('technical', 'service', 'number of attempts'),
      attempted_at: column('technical', 'service', 'when'),
    },
  },
} as const satisfies Record<string, PersonalTable>;
