import { z } from 'zod';
import type { SignIn } from '../activity/user-activity.repository';
import type { Envelope } from './envelope';
import { readFields, timeAtMost, userId } from './event-fields';

/** Allows for the clocks of two services, and no more: a later time would hide that a user is inactive. */
const furthestAheadMs = 5 * 60 * 1000;
const schema = z.object({ userId, authenticatedAt: timeAtMost(furthestAheadMs) });

/** Reads `UserAuthenticated` and `CustomerAuthenticated` of `authentication.events`. */
export const userAuthenticated = {
  types: ['UserAuthenticated', 'CustomerAuthenticated'],
  exchange: 'authentication.events',
  /** @throws UnreadableMessageError */
  read(envelope: Envelope): SignIn {
    const { data } = envelope;
    const signIn = readFields(schema, {
      userId: data.userId ?? data.customerId,
      authenticatedAt: data.authenticatedAt ?? data.occurredAt ?? data.timestamp ?? envelope.time,
    });
    return { userId: signIn.userId, at: signIn.authenticatedAt };
  },
} as const;
