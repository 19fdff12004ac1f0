import { storable } from '../postgres/storable-text';
import { contactDigestsIn } from './contacts-in-message';
import { declaredOrderIds, stringsOfMessage, userIdsIn } from './ids-in-message';
import type { MessageToPark, ParkReason } from './message-to-park';
import type { ParkedMessage } from './parked-message.entity';
import { storableJson } from './storable-json';
import { fingerprintOf } from './wire-message';

/** A row of `parked_messages` before it is stored, with its headers as JSON. */
export type ParkedRow = Omit<ParkedMessage, 'id' | 'reason' | 'headers' | 'parkedAt'> & {
  readonly reason: ParkReason;
  readonly headers: string;
};

const largestCount = 2 ** 31 - 1;

/**
 * Returns the row that parks a message. Texts are shortened, and characters that PostgreSQL cannot store are replaced.
 * If PostgreSQL still rejects the row, use `toDigestRow`.
 */
export function toParkedRow(it: MessageToPark): ParkedRow {
  const { exchange, routingKey, body, truncated, properties } = it.message;
  const { messageId, type, contentType, timestamp, headers: received } = properties;
  const headers = storableJson({ messageId, type, timestamp, headers: received });
  const texts = stringsOfMessage({ headers, body });
  const userIds = userIdsIn(texts);
  if (it.userId !== undefined) userIds.add(it.userId);
  return {
    fingerprint: fingerprintOf(it.message),
    reason: it.reason,
    detail: it.detail,
    type: orNull(it.type),
    source: orNull(it.source),
    eventId: orNull(it.eventId),
    userId: it.userId ?? null,
    namedUserIds: [...userIds],
    namedOrderIds: declaredOrderIds(body.toString()).map((id) => storable(id)),
    namedContacts: contactDigestsIn(texts),
    exchange: storable(exchange),
    routingKey: storable(routingKey),
    contentType: orNull(contentType),
    headers,
    body,
    bodyBytes: truncated === undefined ? null : Math.min(truncated.totalBytes, largestCount),
    attempts: Math.min(it.attempts, largestCount),
  };
}

/** Returns a row with only the digest, size, reason and attempts of a message, for one whose row PostgreSQL rejects. */
export function toDigestRow({ message, reason, attempts }: MessageToPark): ParkedRow {
  return {
    fingerprint: fingerprintOf(message),
    reason,
    detail: 'only its digest and size are stored: PostgreSQL rejected the rest',
    type: null,
    source: null,
    eventId: null,
    userId: null,
    namedUserIds: [],
    namedOrderIds: [],
    namedContacts: [],
    exchange: '',
    routingKey: '',
    contentType: null,
    headers: '{}',
    body: Buffer.alloc(0),
    bodyBytes: Math.min(message.truncated?.totalBytes ?? message.body.length, largestCount),
    attempts: Math.min(attempts, largestCount),
  };
}

const orNull = (text: string | undefined) => (text === undefined ? null : storable(text));
