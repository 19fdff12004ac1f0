import { z } from 'zod';
import {
  type EventStream,
  identifier,
  identity,
  money,
  readFields,
  text,
  time,
  userId,
} from './event-fields';

const schema = z.object({ orderId: identifier, userId, total: money, placedAt: time });
const cancellation = z.object({ orderId: identifier, cancelledAt: time, reason: text });

/** Reads `OrderPlaced` of `order.events`. */
export const orderPlaced: EventStream = {
  types: ['OrderPlaced'],
  exchange: 'order.events',
  read(envelope) {
    const { data } = envelope;
    const order = readFields(schema, {
      orderId: data.orderId,
      userId: data.userId ?? data.customerId,
      total: data.total ?? { value: data.totalAmount, currency: data.currency },
      placedAt: data.placedAt ?? data.createdAt ?? data.timestamp ?? envelope.time,
    });
    return {
      type: 'OrderPlaced',
      ...identity(envelope, order.placedAt),
      orderId: order.orderId,
      userId: order.userId,
      total: order.total,
      itemCount: Array.isArray(data.items) ? data.items.length : null,
    };
  },
};

/** Reads `OrderCancelled` and `OrderCanceled` of `order.events`, which name an order and no user. */
export const orderCancelled: EventStream = {
  types: ['OrderCancelled', 'OrderCanceled'],
  exchange: 'order.events',
  read(envelope) {
    const { data } = envelope;
    const { cancelledAt, ...rest } = readFields(cancellation, {
      orderId: data.orderId,
      cancelledAt: data.cancelledAt ?? data.canceledAt ?? data.timestamp ?? envelope.time,
      reason: data.reason,
    });
    return { type: 'OrderCancelled', ...identity(envelope, cancelledAt), ...rest };
  },
};
