import { join } from 'node:path';
import { readMessages } from '../../scripts/message-contract';
import type { ForeignMessage } from './commerce-events';

/** The user that the examples of the AsyncAPI document are about. */
export const exampleUserId = '01975a5e-1111-7000-8000-0000000000ad';

/** An example of an inbound message, as another service publishes it. */
export interface InboundExample extends ForeignMessage {
  name: string;
  type: string;
  /** With `eventId`, the event's identity. */
  source: string;
  eventId: string;
}

/** Every example of every inbound message, in each of its forms. */
export function inboundExamples(): InboundExample[] {
  const messages = readMessages(join(__dirname, '../../contract'));
  return [...messages.entries()].flatMap(
    ([message, { action, type, exchange, routingKey, contentType, examples }]) => {
      if (action === 'send') return [];
      return examples.map(({ name, headers = {}, payload }) => {
        const attributes: Record<string, unknown> = {
          id: name,
          source: exchange,
          ...(contentType === 'application/cloudevents+json' ? payload : {}),
          ...Object.fromEntries(
            Object.entries(headers).map(([key, value]) => [key.replace(/^.*[_-]/, ''), value]),
          ),
        };
        return {
          name: `${message} ${name}`,
          type,
          exchange,
          routingKey,
          body: Buffer.from(JSON.stringify(payload)),
          properties: { contentType, headers, type, messageId: String(attributes['id']) },
          source: String(attributes['source']),
          eventId: String(attributes['id']),
        };
      });
    },
  );
}
