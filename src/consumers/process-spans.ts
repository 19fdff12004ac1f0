import type { Delivery } from '../rabbitmq/broker';
import type { Tracing } from '../telemetry/tracing';
import type { ReadMessage } from './read-message';

/** A message of a batch. */
export interface MessageInBatch {
  readonly delivery: Delivery;
  readonly result: ReadMessage;
}

/** Ends the spans of a batch with the outcome of each message; `failed` is one that will be retried. */
export type EndSpans = (outcomeOf: (message: MessageInBatch) => string) => void;

/** Starts a span for each message, which continues the trace of its producer, and returns the function that ends them. */
export function startProcessSpans(tracing: Tracing | null, messages: readonly MessageInBatch[]): EndSpans {
  if (!tracing) return () => undefined;
  const spans = messages.map((message) => {
    const { delivery, result } = message;
    const { messageId } = delivery.properties;
    const span = tracing.startSpan({
      name: `process ${delivery.queue}`,
      kind: 'consumer',
      parent: ('traceparent' in result && result.traceparent) || null,
      attributes: {
        'messaging.system': 'rabbitmq',
        'messaging.destination.name': delivery.queue,
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        ...('event' in result && { 'messaging.message.type': result.event.type }),
        // Another service's id may be any text; a UUID carries nothing about a person.
        ...(messageId !== undefined &&
          /^[\da-f-]{36}$/i.test(messageId) && { 'messaging.message.id': messageId }),
      },
    });
    return { message, span };
  });
  return (outcomeOf) => {
    for (const { message, span } of spans) {
      const outcome = outcomeOf(message);
      span.end({ failed: outcome === 'failed', attributes: { outcome } });
    }
  };
}
