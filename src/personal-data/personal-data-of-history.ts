import { column, mine, type PersonalTable, permanent, whileUserIsThere } from './personal-data';

const summary = 'what the history adds up to';

/** The tables of what users have done, and of messages that tell of it. */
export const personalDataOfHistory = {
  user_commerce: {
    ofUser: mine,
    erasure: 'immediately',
    retention: whileUserIsThere,
    columns: {
      user_id: column('identity', 'service', 'whose'),
      order_count: column('behaviour', 'self', summary, 'commerce.orderCount'),
      last_order_at: column('behaviour', 'self', summary, 'commerce.lastOrderAt'),
      failed_payment_count: column('behaviour', 'self', summary, 'commerce.failedPaymentCount'),
      last_payment_failed_at: column('behaviour', 'self', summary, 'commerce.lastPaymentFailedAt'),
      loyalty_points: column('behaviour', 'self', summary, 'commerce.loyaltyPoints'),
      history_is_cut: column('technical', 'service', 'whether retention has removed entries'),
      last_entry_at: column('behaviour', 'self', 'tells which event is late', 'commerce.lastEntryAt'),
    },
  },
  user_spending: {
    ofUser: mine,
    erasure: 'immediately',
    retention: whileUserIsThere,
    columns: {
      user_id: column('identity', 'service', 'whose'),
      currency: column('behaviour', 'self', summary, 'spending.currency'),
      amount: column('behaviour', 'self', summary, 'spending.amount'),
    },
  },
  user_history: {
    ofUser: mine,
    erasure: 'in batches',
    // When an entry was recorded decides, as producers' clocks say nothing about keeping.
    retention: [
      { name: 'historyEntries', since: 'recorded_at', days: 'RETENTION_HISTORY_DAYS', action: 'summed up' },
    ],
    columns: {
      id: column('technical', 'self', 'key', 'history.id'),
      user_id: column('identity', 'service', 'whose'),
      type: column('behaviour', 'self', 'what happened', 'history.type'),
      occurred_at: column('behaviour', 'self', 'when', 'history.occurredAt'),
      recorded_at: column('technical', 'self', 'when it was written', 'history.recordedAt'),
      source: column('technical', 'self', 'who told it', 'history.source'),
      event_id: column('technical', 'self', 'which event', 'history.eventId'),
      late: column('technical', 'self', 'whether it came late', 'history.late'),
      summary: column('behaviour', 'self', 'what happened, in a sentence', 'history.summary'),
      data: column('behaviour', 'self', 'what happened, in detail', 'history.data'),
    },
  },
  waiting_events: {
    ofUser: `((waits_for = 'user' AND waits_for_id = $1::uuid::text) OR (waits_for = 'order'
      AND waits_for_id IN (SELECT order_id FROM user_orders WHERE user_id = $1::uuid)))`,
    erasure: 'in batches',
    retention: [{ name: 'waitingEvents', since: 'received_at', days: 'WAITING_DAYS', action: 'parked' }],
    columns: {
      source: column('technical', 'service', 'who told it'),
      event_id: column('technical', 'service', 'which event'),
      type: column('technical', 'service', 'what kind of event'),
      waits_for: column('technical', 'service', 'what it waits for'),
      waits_for_id: column('identity', 'service', 'which user or order it waits for'),
      event: column('behaviour', 'service', 'to fold it when that is known'),
      received_at: column('technical', 'service', 'when it came'),
    },
  },
  parked_messages: {
    ofUser: `(user_id = $1::uuid OR $1::uuid = ANY (named_user_ids) OR EXISTS (
      SELECT FROM user_orders WHERE user_id = $1::uuid AND order_id = ANY (named_order_ids)))`,
    erasure: 'in batches',
    retention: { stays: 'until an operator replays it' },
    columns: {
      id: column('technical', 'service', 'key'),
      fingerprint: column('technical', 'service', 'tells repeats'),
      reason: column('technical', 'service', 'why it cannot be folded'),
      detail: column('technical', 'service', 'what exactly, without values'),
      type: column('technical', 'service', 'what it calls itself'),
      source: column('technical', 'service', 'who sent it'),
      event_id: column('technical', 'service', 'which event'),
      user_id: column('identity', 'service', 'whom it is about, where it says so'),
      named_user_ids: column('identity', 'service', 'whom else it is about, as it names them'),
      named_order_ids: column('identity', 'service', 'which orders it is about, as payments name those'),
      exchange: column('technical', 'service', 'where it came from'),
      routing_key: column('technical', 'service', 'where it came from'),
      content_type: column('technical', 'service', 'how to read it'),
      headers: column('behaviour', 'service', 'to read it again'),
      body: column('behaviour', 'service', 'to read it again'),
      attempts: column('technical', 'service', 'how often it came'),
      parked_at: column('technical', 'service', 'when'),
    },
  },
  user_orders: {
    ofUser: mine,
    erasure: { kept: 'two ids: a later payment for the order is known to be that of an erased user' },
    retention: permanent,
    columns: {
      order_id: column('identity', 'self', 'which order', 'orders.orderId'),
      user_id: column('identity', 'service', 'whose order, as payments do not say'),
    },
  },
  delivery_attempts: {
    ofUser: null,
    erasure: { kept: 'a digest and a count' },
    retention: [{ name: 'deliveryAttempts', since: 'attempted_at', days: 7, action: 'deleted' }],
    columns: {
      fingerprint: column('technical', 'service', 'which message, as a digest'),
      attempts: column('technical', 'service', 'how often it was tried'),
      attempted_at: column('technical', 'service', 'when'),
    },
  },
} as const satisfies Record<string, PersonalTable>;
