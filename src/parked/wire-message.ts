import { createHash } from 'node:crypto';
import type { IncomingMessage } from '../rabbitmq/broker';
import type { ParkedMessage } from './parked-message.entity';

/** Returns the message of a row as it was received. */
export function toWire(row: ParkedMessage): IncomingMessage {
  const { messageId, type, timestamp, headers } = row.headers as {
    messageId?: string;
    type?: string;
    timestamp?: string;
    headers?: Record<string, unknown>;
  };
  return {
    exchange: row.exchange,
    routingKey: row.routingKey,
    body: row.body,
    properties: {
      messageId,
      type,
      contentType: row.contentType ?? undefined,
      timestamp: timestamp === undefined ? undefined : new Date(timestamp),
      headers: headers ?? {},
    },
  };
}

/** Returns a digest of the body, routing and identifying properties. All deliveries of a message have the same. */
export function fingerprintOf({ exchange, routingKey, body, properties }: IncomingMessage): string {
  const { messageId = '', type = '', contentType = '' } = properties;
  const hash = createHash('sha256');
  hash.update(JSON.stringify([exchange, routingKey, messageId, type, contentType]));
  return hash.update(body).digest('base64url');
}
