import { z } from 'zod';
import { type EventStream, identifier, identity, money, readFields, text, time } from './event-fields';

const schema = z.object({
  paymentId: identifier,
  orderId: identifier,
  errorCode: text,
  errorMessage: text,
  amount: money.nullable(),
  timestamp: time,
});

/** Reads `PaymentFailed` of `payment.events`, which names an order and no user. */
export const paymentFailed: EventStream = {
  types: ['PaymentFailed'],
  exchange: 'payment.events',
  read(envelope) {
    const { data } = envelope;
    const payment = readFields(schema, {
      paymentId: data.paymentId,
      orderId: data.orderId,
      errorCode: data.errorCode,
      errorMessage: data.errorMessage,
      amount: data.amount ?? null,
      timestamp: data.timestamp ?? data.failedAt ?? data.createdAt ?? envelope.time,
    });
    const { timestamp, ...rest } = payment;
    return { type: 'PaymentFailed', ...identity(envelope, timestamp), ...rest };
  },
};
