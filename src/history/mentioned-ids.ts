import type { IncomingMessage } from '../rabbitmq/broker';

const uuid = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi;
const quoted = /"([^"\\]{1,255})"/g;
const encodedData = /"data_base64"\s*:\s*"([\w+/=-]+)"/g;
/** A message that names more is about nobody in particular. */
const mostIds = 1_000;

/** Ids that a message names anywhere, whether it can be read or not. */
export interface MentionedIds {
  /** UUIDs in their canonical form. */
  readonly uuids: readonly string[];
  /** Whatever may be an order's id. */
  readonly words: readonly string[];
}

/** Looks through the first bytes of the body, as they are and out of `data_base64`, and through the headers. */
export function findMentionedIds({ body, properties }: IncomingMessage, bytes: number): MentionedIds {
  const raw = body.subarray(0, bytes).toString();
  const decoded = [...raw.matchAll(encodedData)].map(([, data = '']) =>
    Buffer.from(data, 'base64').toString(),
  );
  const text = [raw, ...decoded, JSON.stringify(properties)].join('\n');
  const uuids = new Set([...text.matchAll(uuid)].map(([id]) => id.toLowerCase()));
  const words = new Set([...text.matchAll(quoted)].map(([, word = '']) => word));
  return { uuids: [...uuids].slice(0, mostIds), words: [...words].slice(0, mostIds) };
}
