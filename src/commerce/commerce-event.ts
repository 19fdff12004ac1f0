/** An exact amount, zero or more, with an ISO 4217 code. */
export interface Money {
  /** A decimal of at most four places, without trailing zeros: `0.3`, `100`. */
  readonly amount: string;
  readonly currency: string;
}

/** The fields of every event. `source` and `eventId` together identify it. */
export interface EventIdentity {
  readonly source: string;
  readonly eventId: string;
  /** When it happened, by its producer's clock. */
  readonly occurredAt: Date;
}

export interface OrderPlaced extends EventIdentity {
  readonly type: 'OrderPlaced';
  readonly orderId: string;
  readonly userId: string;
  readonly total: Money;
  /** null when the event does not list its items. */
  readonly itemCount: number | null;
}

/** It names no user: its user is that of the order. */
export interface PaymentFailed extends EventIdentity {
  readonly type: 'PaymentFailed';
  readonly paymentId: string;
  readonly orderId: string;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly amount: Money | null;
}

/** It names no user: its user is that of the order. */
export interface OrderCancelled extends EventIdentity {
  readonly type: 'OrderCancelled';
  readonly orderId: string;
  readonly reason: string | null;
}

export interface LoyaltyPointsEarned extends EventIdentity {
  readonly type: 'LoyaltyPointsEarned';
  readonly userId: string;
  /** A whole number, 1 or more. */
  readonly points: number;
  readonly orderId: string | null;
  readonly reason: string | null;
}

/** An event of another service about a user, in the form that is folded. */
export type CommerceEvent = OrderPlaced | PaymentFailed | OrderCancelled | LoyaltyPointsEarned;

/** An event that names an order and no user. */
export type OrderEvent = PaymentFailed | OrderCancelled;

/** True for an event whose user is that of its order. */
export function namesOnlyOrder(event: CommerceEvent): event is OrderEvent {
  return !('userId' in event);
}

/** Returns the identity of an event as one string. Two events with the same identity are the same event. */
export function identityOf({ source, eventId }: Pick<EventIdentity, 'source' | 'eventId'>): string {
  return `${source.length}:${source}${eventId}`;
}

/** Returns the event that a row of `waiting_events` stores as JSON. */
export function reviveCommerceEvent(stored: Record<string, unknown>): CommerceEvent {
  return { ...stored, occurredAt: new Date(String(stored.occurredAt)) } as unknown as CommerceEvent;
}

const exchanges: Readonly<Record<CommerceEvent['type'], readonly [exchange: string, routingKey: string]>> = {
  OrderPlaced: ['order.events', 'order.placed'],
  PaymentFailed: ['payment.events', 'payment.failed'],
  OrderCancelled: ['order.events', 'order.cancelled'],
  LoyaltyPointsEarned: ['loyalty.events', 'loyalty.points-earned'],
};

/** The types of all events that are folded. */
export const commerceEventTypes = Object.keys(exchanges);

/** Returns the event as a structured CloudEvent in JSON, as its producer could have sent it. */
export function toCloudEvent(event: CommerceEvent): {
  exchange: string;
  routingKey: string;
  contentType: string;
  body: Buffer;
} {
  const [exchange, routingKey] = exchanges[event.type];
  const { type, source, eventId: id, occurredAt } = event;
  const envelope = { specversion: '1.0', id, source, type, time: occurredAt.toISOString() };
  const body = Buffer.from(
    JSON.stringify({ ...envelope, datacontenttype: 'application/json', data: dataOf(event) }),
  );
  return { exchange, routingKey, contentType: 'application/cloudevents+json', body };
}

function dataOf(event: CommerceEvent): Record<string, unknown> {
  const at = event.occurredAt.toISOString();
  switch (event.type) {
    case 'OrderPlaced': {
      const { orderId, userId, total, itemCount } = event;
      const items = itemCount === null ? {} : { items: Array.from({ length: itemCount }, () => ({})) };
      return { orderId, userId, total: toWire(total), placedAt: at, ...items };
    }
    case 'PaymentFailed': {
      const { paymentId, orderId, errorCode, errorMessage, amount } = event;
      const data = { paymentId, orderId, errorCode, errorMessage, timestamp: at };
      return amount === null ? data : { ...data, amount: toWire(amount) };
    }
    case 'OrderCancelled': {
      const { orderId, reason } = event;
      return { orderId, cancelledAt: at, reason };
    }
    case 'LoyaltyPointsEarned': {
      const { userId, points, orderId, reason } = event;
      return { userId, points, orderId, reason, earnedAt: at };
    }
  }
}

function toWire({ amount, currency }: Money): Record<string, string> {
  return { value: amount, currency };
}
