import type { SignIn } from '../activity/user-activity.repository';
import type { CommerceEvent } from '../commerce/commerce-event';
import type { MessageToPark } from '../parked/message-to-park';
import type { IncomingMessage } from '../rabbitmq/broker';
import { queueExchange } from '../rabbitmq/topology';
import { parseUserId } from '../users/normalized';
import { userAuthenticated } from './authentication.consumer';
import { describeMessage, type Envelope, readEnvelope } from './envelope';
import type { EventStream } from './event-fields';
import { loyaltyPointsEarned } from './loyalty.consumer';
import { orderCancelled, orderPlaced } from './order.consumer';
import { paymentFailed } from './payment.consumer';
import { UnreadableMessageError } from './unreadable-message';

/** The event or sign-in of a message, with the trace context of its producer, or the reason to park it. */
export type ReadMessage =
  | { readonly event: CommerceEvent; readonly traceparent?: string | undefined }
  | { readonly signIn: SignIn; readonly traceparent?: string | undefined }
  | { readonly park: MessageToPark };

const streams: ReadonlyMap<string, EventStream | typeof userAuthenticated> = new Map(
  [orderPlaced, orderCancelled, paymentFailed, loyaltyPointsEarned, userAuthenticated].flatMap((stream) =>
    stream.types.map((type) => [type, stream] as const),
  ),
);

/** Every source of this service's own events begins with it. */
const ownSources = '/user-service/';

/** Reads a message of another service; never throws. */
export function readMessage(message: IncomingMessage, attempts: number): ReadMessage {
  let envelope: Envelope | undefined;
  try {
    envelope = readEnvelope(message, (type) => streams.get(type)?.exchange);
    const stream = streams.get(envelope.type);
    if (!stream) throw new UnreadableMessageError('UNKNOWN_TYPE', 'events of this type are not consumed');
    // An operator who puts a message straight into a queue uses the default exchange.
    if (message.exchange !== stream.exchange && message.exchange !== queueExchange)
      throw new UnreadableMessageError('WRONG_EXCHANGE', 'events of this type come through another exchange');
    if (envelope.source.startsWith(ownSources))
      throw new UnreadableMessageError('OWN_SOURCE', 'the source is this service');
    const { traceparent } = envelope;
    return stream === userAuthenticated
      ? { signIn: userAuthenticated.read(envelope), traceparent }
      : { event: (stream as EventStream).read(envelope), traceparent };
  } catch (error) {
    const { reason, detail } =
      error instanceof UnreadableMessageError
        ? error
        : new UnreadableMessageError('INVALID_DATA', 'the data cannot be read');
    return { park: { ...attributesOf(message, envelope), message, reason, detail, attempts } };
  }
}

/** Returns the message to park, without reading its body. */
export function parkUnread(
  message: IncomingMessage,
  why: Pick<MessageToPark, 'reason' | 'detail' | 'attempts'>,
): MessageToPark {
  return { ...attributesOf(message, undefined), message, ...why };
}

function attributesOf(message: IncomingMessage, envelope: Envelope | undefined) {
  const { id: eventId, type, source } = envelope ?? describeMessage(message);
  const named = envelope?.data.userId ?? envelope?.data.customerId;
  const userId = (typeof named === 'string' && parseUserId(named)) || undefined;
  return { type, source: source ?? (message.exchange || undefined), eventId, userId };
}
