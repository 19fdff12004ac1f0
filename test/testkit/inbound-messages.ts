import type { CommerceEvent } from '../../src/commerce/commerce-event';
import { readMessage } from '../../src/consumers/read-message';
import type { IncomingMessage } from '../../src/rabbitmq/broker';
import { boundBody } from '../../src/rabbitmq/delivery';

/** The user of all messages here. */
export const userId = '01975a5e-1111-7000-8000-0000000000ad';
/** The data of an order. */
export const order = {
  orderId: 'o-1',
  userId,
  total: { value: '9.90', currency: 'EUR' },
  placedAt: '2026-03-01T10:00:00Z',
};
/** The attributes of a CloudEvent. */
export const envelope = { specversion: '1.0', id: 'e-1', source: '/orders', type: 'OrderPlaced' };

/** A message to `order.events` with this body: bytes, a text, or a value as JSON. */
export function message(
  body: unknown,
  properties: Partial<IncomingMessage['properties']> = {},
): IncomingMessage {
  return {
    exchange: 'order.events',
    routingKey: 'order.placed',
    ...boundBody(
      Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    ),
    properties: { headers: {}, ...properties },
  };
}

const exchanges: Record<string, string> = {
  PaymentFailed: 'payment.events',
  LoyaltyPointsEarned: 'loyalty.events',
  UserAuthenticated: 'authentication.events',
  CustomerAuthenticated: 'authentication.events',
};

/** A structured CloudEvent with this data, through the exchange of its type. */
export function structured(data: unknown, attributes: Record<string, unknown> = {}): IncomingMessage {
  const event = { ...envelope, ...attributes, data };
  const exchange = exchanges[String(event.type)] ?? 'order.events';
  return { ...message(event, { contentType: 'application/cloudevents+json' }), exchange };
}

/** Returns the event of a message; throws if it is parked. */
export function read(it: IncomingMessage): CommerceEvent {
  const result = readMessage(it, 1);
  if ('signIn' in result) throw new Error('the message is a sign-in');
  if ('park' in result) throw new Error(`parked: ${result.park.reason}, ${result.park.detail}`);
  return result.event;
}

/** Returns the reason why a message is parked, or `READ`. */
export function refused(it: IncomingMessage): string {
  const result = readMessage(it, 1);
  return 'park' in result ? result.park.reason : 'READ';
}

/** The event of `order`. */
export const placed = {
  type: 'OrderPlaced',
  source: '/orders',
  eventId: 'e-1',
  occurredAt: new Date('2026-03-01T10:00:00Z'),
  orderId: 'o-1',
  userId,
  total: { amount: '9.9', currency: 'EUR' },
  itemCount: null,
};
