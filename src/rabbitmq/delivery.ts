import { createHash } from 'node:crypto';
import type { ConsumeMessage } from 'amqplib';
import { type Delivery, type IncomingMessage, largestBodyBytes } from './broker';
import { inboundExchanges } from './topology';

/** Returns the body, or the beginning, size and digest of a body that is larger than `largestBodyBytes`. */
export function boundBody(body: Buffer): Pick<IncomingMessage, 'body' | 'truncated'> {
  if (body.length <= largestBodyBytes) return { body };
  const digest = createHash('sha256').update(body).digest('base64url');
  // Copied, because a part would keep the whole body in memory.
  return {
    body: Buffer.from(body.subarray(0, largestBodyBytes)),
    truncated: { totalBytes: body.length, digest },
  };
}

/** Returns a message of RabbitMQ as a delivery from `queue`, with exchange and routing key without `prefix`. */
export function toDelivery(
  { fields, properties, content }: ConsumeMessage,
  { queue, prefix }: { queue: string; prefix: string },
): Delivery {
  const { messageId, type, contentType, timestamp } = properties;
  const headers: Record<string, unknown> = properties.headers ?? {};
  const withoutPrefix = (name: string) => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
  return {
    ...originOf(fields, headers, withoutPrefix),
    ...boundBody(content),
    queue,
    redelivered: fields.redelivered,
    // Since RabbitMQ 4.3, x-delivery-count counts only failures, and x-acquired-count every earlier delivery.
    deliveryCount: Math.max(countOf(headers['x-delivery-count']), countOf(headers['x-acquired-count'])),
    properties: {
      messageId: textOf(messageId),
      type: textOf(type),
      contentType: textOf(contentType),
      timestamp: typeof timestamp === 'number' ? new Date(timestamp * 1000) : undefined,
      headers,
    },
  };
}

/**
 * Returns where a message was published. RabbitMQ records that in `x-death` when it dead-letters a message. A producer
 * could forge the header, so it does not count for messages from the exchanges of producers.
 */
function originOf(
  fields: { exchange: string; routingKey: string },
  headers: Readonly<Record<string, unknown>>,
  withoutPrefix: (name: string) => string,
): Pick<Delivery, 'exchange' | 'routingKey'> {
  const delivered = {
    exchange: withoutPrefix(fields.exchange),
    routingKey: withoutPrefix(fields.routingKey),
  };
  const deaths = headers['x-death'];
  // The last entry is the oldest one, and names the exchange that the producer published to.
  const death: unknown = Array.isArray(deaths) ? deaths.at(-1) : undefined;
  if (inboundExchanges.includes(delivered.exchange) || typeof death !== 'object' || death === null)
    return delivered;
  const { exchange, 'routing-keys': keys } = death as { exchange?: unknown; 'routing-keys'?: unknown };
  const [key]: unknown[] = Array.isArray(keys) ? keys : [];
  return {
    exchange: typeof exchange === 'string' ? withoutPrefix(exchange) : delivered.exchange,
    routingKey: typeof key === 'string' ? key : delivered.routingKey,
  };
}

/** Returns the value if it is a text, or undefined for an empty text and any other type. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Returns the value if it is a whole number, or 0 for a missing or invalid header. */
function countOf(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0;
}
