import { createHash } from 'node:crypto';
import { type IncomingMessage, unreadableHeaders } from '../rabbitmq/broker';
import type { ParkedMessage } from './parked-message.entity';
import { storableJson } from './storable-json';

/** Headers of a CloudEvent's identity, and what replaces headers that cannot be decoded. */
const identityHeader = new RegExp(
  `^(?:(?:cloudEvents[_:]|ce[-_])(?:id|source|type|specversion)|${unreadableHeaders})$`,
  'i',
);

/** Returns the message of a row as it was received. */
export function toWire(row: ParkedMessage): IncomingMessage {
  const { messageId, type, timestamp, headers } = row.headers as {
    messageId?: string;
    type?: string;
    timestamp?: string | null;
    headers?: Record<string, unknown>;
  };
  // JSON has null for a timestamp that is no time; `new Date(null)` would be the epoch.
  return {
    exchange: row.exchange,
    routingKey: row.routingKey,
    body: row.body,
    ...(row.bodyBytes === null ? {} : { truncated: { totalBytes: row.bodyBytes, digest: '' } }),
    properties: {
      messageId,
      type,
      contentType: row.contentType ?? undefined,
      timestamp: timestamp === undefined ? undefined : new Date(timestamp ?? Number.NaN),
      headers: headers ?? {},
    },
  };
}

/**
 * Returns a digest of the body, routing, and identifying properties and headers. All deliveries of a message have the
 * same; other headers may differ between deliveries.
 */
export function fingerprintOf({
  exchange,
  routingKey,
  body,
  truncated,
  properties,
}: IncomingMessage): string {
  const { messageId = '', type = '', contentType = '', headers } = properties;
  const identity = Object.entries(headers)
    .filter(([name]) => identityHeader.test(name))
    .map(([name, value]) => [name, storableJson(value)])
    .sort(([one = ''], [other = '']) => (one < other ? -1 : 1));
  const hash = createHash('sha256');
  hash.update(JSON.stringify([exchange, routingKey, messageId, type, contentType, ...identity]));
  return hash.update(truncated?.digest ?? body).digest('base64url');
}
