import { z } from 'zod';
import { type EventStream, identifier, identity, money, readFields, time, userId } from './event-fields';

const schema = z.object({ orderId: identifier, userId, total: money, placedAt: time });

/** Reads `OrderPlaced` of `order.events`. */
export const orderPlaced: EventStream = {
  type: 'OrderPlaced',
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
