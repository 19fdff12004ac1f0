import { type ChannelModel, type ConfirmChannel, connect, type Options } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { deadLetterQueue } from '../../src/rabbitmq/topology';
import type { TestApp } from './app';
import { eventually } from './eventually';

/** A message as another service publishes it. */
export interface ForeignMessage {
  exchange: string;
  routingKey: string;
  body: Buffer;
  properties: Options.Publish;
}

const addresses = {
  OrderPlaced: ['order.events', 'order.placed'],
  PaymentFailed: ['payment.events', 'payment.failed'],
  OrderCancelled: ['order.events', 'order.cancelled'],
  OrderCanceled: ['order.events', 'order.canceled'],
  LoyaltyPointsEarned: ['loyalty.events', 'loyalty.points-earned'],
  UserAuthenticated: ['authentication.events', 'authentication.user-authenticated'],
  CustomerAuthenticated: ['authentication.events', 'authentication.user-authenticated'],
} as const;
export type ForeignType = keyof typeof addresses;

/** A structured CloudEvent with this data. Its id is new by default; `envelope` overrides attributes. */
export function foreignEvent(
  type: ForeignType,
  data: Record<string, unknown>,
  envelope: Record<string, unknown> = {},
): ForeignMessage {
  const [exchange, routingKey] = addresses[type];
  const event = { specversion: '1.0', id: uuidv7(), source: `/${exchange}`, type, ...envelope, data };
  return {
    exchange,
    routingKey,
    body: Buffer.from(JSON.stringify(event)),
    properties: { contentType: 'application/cloudevents+json', messageId: event.id, type },
  };
}

/** An `OrderPlaced` of a user; 10 EUR by default. */
export function orderPlaced(userId: string, data: Record<string, unknown> = {}): ForeignMessage {
  return foreignEvent('OrderPlaced', {
    orderId: uuidv7(),
    userId,
    total: { value: 10, currency: 'EUR' },
    placedAt: '2026-03-01T10:00:00Z',
    ...data,
  });
}

/** A `PaymentFailed` of an order. */
export function paymentFailed(orderId: string, data: Record<string, unknown> = {}): ForeignMessage {
  return foreignEvent('PaymentFailed', {
    paymentId: uuidv7(),
    orderId,
    errorCode: 'CARD_DECLINED',
    errorMessage: 'The card was declined.',
    timestamp: '2026-03-01T10:05:00Z',
    ...data,
  });
}

/** An `OrderCancelled` of an order. */
export function orderCancelled(orderId: string, data: Record<string, unknown> = {}): ForeignMessage {
  return foreignEvent('OrderCancelled', { orderId, cancelledAt: '2026-03-01T10:20:00Z', ...data });
}

/** A `LoyaltyPointsEarned` of a user; 5 points by default. */
export function pointsEarned(userId: string, data: Record<string, unknown> = {}): ForeignMessage {
  return foreignEvent('LoyaltyPointsEarned', {
    userId,
    points: 5,
    earnedAt: '2026-03-01T10:10:00Z',
    ...data,
  });
}

/** A `UserAuthenticated` of a user. */
export function signedIn(userId: string, authenticatedAt: string): ForeignMessage {
  return foreignEvent('UserAuthenticated', { userId, authenticatedAt, method: 'password' });
}

/** A stand-in for another service: publishes to the exchanges that an app consumes from. */
export interface ForeignService {
  /** Resolves when the broker has confirmed all messages. */
  publish(...messages: ForeignMessage[]): Promise<void>;
  /** Sends a message to the queue of dead letters, as the broker does at the delivery limit. */
  giveUp(message: ForeignMessage): Promise<void>;
  close(): Promise<void>;
}

/** Connects to the broker after the app's queue is bound: earlier messages would be unroutable. */
export async function startForeignService(app: TestApp): Promise<ForeignService> {
  // A freshly installed broker is slow to start.
  await eventually(
    async () => {
      const response = await fetch(`${app.url}/health/ready`);
      expect(await response.json()).toEqual({ status: 'ready', degraded: [] });
    },
    { timeoutMs: 20_000 },
  );
  const connection: ChannelModel = await connect(process.env['TEST_AMQP_URL'] ?? '');
  connection.on('error', () => undefined);
  const channel: ConfirmChannel = await connection.createConfirmChannel();
  return {
    async publish(...messages) {
      for (const { exchange, routingKey, body, properties } of messages) {
        channel.publish(`${app.amqpPrefix}${exchange}`, routingKey, body, properties);
      }
      await channel.waitForConfirms();
    },
    async giveUp({ body, properties }) {
      channel.sendToQueue(`${app.amqpPrefix}${deadLetterQueue}`, body, properties);
      await channel.waitForConfirms();
    },
    close: () => connection.close(),
  };
}

const commerceFields = `
  commerce {
    orderCount cancelledOrderCount lastOrderAt spent { amount currency } failedPaymentCount lastPaymentFailedAt loyaltyPoints
  }
  history(first: 100, types: [ORDER_PLACED, ORDER_CANCELLED, PAYMENT_FAILED, LOYALTY_POINTS_EARNED]) {
    nodes { type occurredAt source eventId late summary data }
  }`;
const usersPerOperation = 40;

/** A user's commerce and commerce history, read by staff. */
export async function commerceOf(app: TestApp, userId: string): Promise<any> {
  const [commerce] = await commerceOfMany(app, [userId]);
  return commerce;
}

/** The commerce and commerce history of each of these users, read by staff. */
export async function commerceOfMany(app: TestApp, userIds: readonly string[]): Promise<any[]> {
  const found: any[] = [];
  for (let first = 0; first < userIds.length; first += usersPerOperation) {
    const ids = userIds.slice(first, first + usersPerOperation);
    const variables = Object.fromEntries(ids.map((id, at) => [`id${at}`, id]));
    const response = await app.graphql(
      `query (${ids.map((_id, at) => `$id${at}: ID!`).join(', ')}) {
        ${ids.map((_id, at) => `user${at}: user(id: $id${at}) { ...Commerce }`).join(' ')}
      }
      fragment Commerce on User { ${commerceFields} }`,
      variables,
      { token: app.staff },
    );
    if (response.errors.length > 0) throw new Error(JSON.stringify(response.errors));
    for (const at of ids.keys()) {
      const { commerce, history } = response.data[`user${at}`];
      found.push({ ...commerce, history: history.nodes });
    }
  }
  return found;
}
