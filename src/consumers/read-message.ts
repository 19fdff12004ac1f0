import type { CommerceEvent } from '../commerce/commerce-event';
import type { MessageToPark } from '../parked/message-to-park';
import type { IncomingMessage } from '../rabbitmq/broker';
import { parseUserId } from '../users/normalized';
import { describeMessage, type Envelope, readEnvelope } from './envelope';
import type { EventStream } from './event-fields';
import { loyaltyPointsEarned } from './loyalty.consumer';
import { orderPlaced } from './order.consumer';
import { paymentFailed } from './payment.consumer';
import { UnreadableMessageError } from './unreadable-message';

/** What a message says, or why it is to be parked. */
export type ReadMessage = { readonly event: CommerceEvent } | { readonly park: MessageToPark };

const streams: ReadonlyMap<string, EventStream> = new Map(
  [orderPlaced, paymentFailed, loyaltyPointsEarned].map((stream) => [stream.type, stream]),
);

/** Reads a message of another service; never throws. */
export function readMessage(message: IncomingMessage, attempts: number): ReadMessage {
  let envelope: Envelope | undefined;
  try {
    envelope = readEnvelope(message);
    const stream = streams.get(envelope.type);
    if (!stream) throw new UnreadableMessageError('UNKNOWN_TYPE', 'this type is not consumed');
    return { event: stream.read(envelope) };
  } catch (error) {
    const { reason, detail } =
      error instanceof UnreadableMessageError
        ? error
        : new UnreadableMessageError('INVALID_DATA', 'it cannot be read');
    return { park: { ...known(message, envelope), message, reason, detail, attempts } };
  }
}

/** A message that is parked unread. */
export function parkUnread(
  message: IncomingMessage,
  reason: MessageToPark['reason'],
  detail: string,
  attempts: number,
): MessageToPark {
  return { ...known(message, undefined), message, reason, detail, attempts };
}

function known(message: IncomingMessage, envelope: Envelope | undefined) {
  const { id: eventId, type, source } = envelope ?? describeMessage(message);
  const named = envelope?.data.userId ?? envelope?.data.customerId;
  const userId = (typeof named === 'string' && parseUserId(named)) || undefined;
  return { type, source: source ?? (message.exchange || undefined), eventId, userId };
}
