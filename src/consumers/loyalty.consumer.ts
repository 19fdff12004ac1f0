import { z } from 'zod';
import {
  type EventStream,
  identifier,
  identity,
  points,
  readFields,
  text,
  time,
  userId,
} from './event-fields';

const schema = z.object({
  userId,
  points,
  orderId: identifier.nullable(),
  reason: text,
  earnedAt: time,
});

/**
 * Reads `LoyaltyPointsEarned` of `loyalty.events`. Accepts `customerId` in place of `userId`, and `timestamp` or
 * `createdAt` in place of `earnedAt`. Without any of these times, uses the time of the envelope.
 */
export const loyaltyPointsEarned: EventStream = {
  types: ['LoyaltyPointsEarned'],
  exchange: 'loyalty.events',
  read(envelope) {
    const { data } = envelope;
    const { earnedAt, ...earned } = readFields(schema, {
      userId: data.userId ?? data.customerId,
      points: data.points,
      orderId: data.orderId ?? null,
      reason: data.reason,
      earnedAt: data.earnedAt ?? data.timestamp ?? data.createdAt ?? envelope.time,
    });
    return { type: 'LoyaltyPointsEarned', ...identity(envelope, earnedAt), ...earned };
  },
};
