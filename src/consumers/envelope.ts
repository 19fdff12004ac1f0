import type { IncomingMessage } from '../rabbitmq/broker';
import { UnreadableMessageError } from './unreadable-message';

/** An event in the form that `readEnvelope` returns for each of the three accepted forms. */
export interface Envelope {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** When it happened, if the envelope says so. Not validated yet. */
  readonly time: unknown;
  readonly data: Readonly<Record<string, unknown>>;
}

const maxBodyBytes = 256 * 1024;
const maxIdBytes = 1_000;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const attributeHeader = /^(?:cloudEvents[_:]|ce[-_])(.+)$/i;

/**
 * Reads a CloudEvent in structured or binary mode, or bare JSON with the AMQP properties `message_id` and `type`. The
 * source of bare JSON is its exchange.
 *
 * @throws UnreadableMessageError
 */
export function readEnvelope(message: IncomingMessage): Envelope {
  const { body, exchange, properties } = message;
  const contentType = properties.contentType?.toLowerCase().split(';', 1)[0]?.trim() ?? '';
  if (body.length > maxBodyBytes)
    throw new UnreadableMessageError('TOO_LARGE', `the body has more than ${maxBodyBytes} bytes`);
  const attributes = attributesOf(properties.headers);

  if (contentType.startsWith('application/cloudevents') || attributes === null) {
    if (contentType.startsWith('application/cloudevents') && contentType !== 'application/cloudevents+json')
      throw new UnreadableMessageError('UNSUPPORTED_FORMAT', 'only single CloudEvents in JSON are supported');
    const json = parseObject(body, 'the message');
    if (contentType !== '' && contentType.startsWith('application/cloudevents'))
      return structured(json, message);
    // Without its content type, a structured CloudEvent is recognized by these members; with `data_base64` it is not.
    if (typeof json.specversion === 'string' && 'data' in json) return structured(json, message);
    const { messageId: id, type, timestamp: time } = properties;
    return checked({ id, type, source: exchange, time, data: json });
  }
  const { id, source, type, time } = attributes;
  return checked({ id, source, type, time, data: parseObject(body, 'the message') });
}

/** Returns the attributes found in the headers and properties of a message that cannot be read, for operators. */
export function describeMessage(message: IncomingMessage): { type?: string; source?: string; id?: string } {
  const { messageId, type } = message.properties;
  const attributes = attributesOf(message.properties.headers) ?? {};
  const text = (value: unknown, otherwise: string | undefined) =>
    typeof value === 'string' ? value : otherwise;
  const described = {
    type: text(attributes.type, type),
    source: text(attributes.source, undefined),
    id: text(attributes.id, messageId),
  };
  return Object.fromEntries(Object.entries(described).filter(([, value]) => value !== undefined));
}

function structured(json: Record<string, unknown>, message: IncomingMessage): Envelope {
  if (!String(json.specversion).startsWith('1.'))
    throw new UnreadableMessageError('INVALID_ENVELOPE', 'specversion is not 1.0');
  const { id, source, type, time, data, data_base64: encoded } = json;
  if (typeof encoded === 'string') {
    const decoded = { ...message, body: Buffer.from(encoded, 'base64') };
    return checked({ id, source, type, time, data: parseObject(decoded.body, 'data_base64') });
  }
  return checked({ id, source, type, time, data });
}

/** Returns the CloudEvent attributes in the headers of binary mode; null if there are none. */
function attributesOf(headers: Readonly<Record<string, unknown>>): Record<string, unknown> | null {
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    const [, attribute] = attributeHeader.exec(name) ?? [];
    if (attribute) attributes[attribute.toLowerCase()] = value;
  }
  return Object.keys(attributes).length === 0 ? null : attributes;
}

function checked(found: Record<'id' | 'source' | 'type' | 'time' | 'data', unknown>): Envelope {
  const { id, source, type, time, data } = found;
  for (const [name, value] of Object.entries({ id, source, type })) {
    if (typeof value !== 'string' || value === '')
      throw new UnreadableMessageError('INVALID_ENVELOPE', `${name} is missing`);
    if (Buffer.byteLength(value) > maxIdBytes)
      throw new UnreadableMessageError('INVALID_ENVELOPE', `${name} has more than ${maxIdBytes} bytes`);
    if (!isStorable(value)) throw new UnreadableMessageError('INVALID_TEXT', `${name} is not valid text`);
  }
  if (!isObject(data)) throw new UnreadableMessageError('INVALID_DATA', 'data is not a JSON object');
  return { id: id as string, source: source as string, type: type as string, time, data };
}

function parseObject(body: Buffer, what: string): Record<string, unknown> {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new UnreadableMessageError('INVALID_ENCODING', `${what} is not UTF-8`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UnreadableMessageError('INVALID_JSON', `${what} is not JSON`);
  }
  if (!isObject(json)) throw new UnreadableMessageError('INVALID_ENVELOPE', `${what} is not a JSON object`);
  if (/\\u(?:0000|d[89a-f])/i.test(text) && !everyText(json, isStorable))
    throw new UnreadableMessageError('INVALID_TEXT', `${what} contains NUL or an unpaired surrogate`);
  return json;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True if PostgreSQL can store the text: no NUL, no unpaired surrogate. */
function isStorable(text: string): boolean {
  return !/[\u0000\p{Surrogate}]/u.test(text);
}

function everyText(value: unknown, holds: (text: string) => boolean): boolean {
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === 'string' && !holds(next)) return false;
    if (typeof next === 'object' && next !== null) {
      for (const [name, inner] of Object.entries(next)) open.push(name, inner);
    }
  }
  return true;
}
