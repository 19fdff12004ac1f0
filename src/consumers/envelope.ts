import { isStorable } from '../postgres/storable-text';
import { type IncomingMessage, largestBodyBytes, unreadableHeaders } from '../rabbitmq/broker';
import { readTraceparent } from '../telemetry/traceparent';
import { UnreadableMessageError } from './unreadable-message';

/** An event in the form that `readEnvelope` returns for each of the three accepted forms. */
export interface Envelope {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** When it happened, if the envelope says so. Not validated yet. */
  readonly time: unknown;
  readonly data: Readonly<Record<string, unknown>>;
  /** W3C trace context of the producer. */
  readonly traceparent?: string | undefined;
}

const maxIdBytes = 1_000;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const requiredAttributes = ['specversion', 'id', 'source', 'type'];
const attributeHeader = /^(?:cloudEvents[_:]|ce[-_])(.+)$/i;

/**
 * Reads a CloudEvent in structured or binary mode, or bare JSON with the AMQP properties `message_id` and `type`. The
 * source of bare JSON is its exchange, or that of its type if it was put straight into a queue.
 *
 * @throws UnreadableMessageError
 */
export function readEnvelope(
  message: IncomingMessage,
  exchangeOf: (type: string) => string | undefined,
): Envelope {
  const { body, truncated, exchange, properties } = message;
  const contentType = properties.contentType?.toLowerCase().split(';', 1)[0]?.trim() ?? '';
  if (truncated !== undefined)
    throw new UnreadableMessageError('TOO_LARGE', `the body has more than ${largestBodyBytes} bytes`);
  if (unreadableHeaders in properties.headers)
    throw new UnreadableMessageError('INVALID_HEADERS', 'the headers are nested too deeply to decode');
  const isStructured = contentType.startsWith('application/cloudevents');
  if (isStructured && contentType !== 'application/cloudevents+json')
    throw new UnreadableMessageError('UNSUPPORTED_FORMAT', 'only single CloudEvents in JSON are supported');
  const json = parseObject(body, 'the message');
  if (isStructured) return structured(json);
  const attributes = attributesOf(properties.headers);
  if (isBinary(attributes)) {
    const { id, source, type, time } = attributes;
    const traceparent = traceOf(attributes.traceparent ?? properties.headers.traceparent);
    return { ...checked({ id, source, type, time, data: json }), traceparent };
  }
  // Without its content type, a structured CloudEvent is recognized by these members.
  if (typeof json.specversion === 'string' && ('data' in json || 'data_base64' in json))
    return structured(json);
  const traceparent = traceOf(properties.headers.traceparent);
  const { messageId: id, type, timestamp: time } = properties;
  const source = exchange || (type === undefined ? undefined : exchangeOf(type));
  return { ...checked({ id, type, source, time, data: json }), traceparent };
}

/** Returns the attributes found in the headers and properties of a message that cannot be read, for operators. */
export function describeMessage(message: IncomingMessage): { type?: string; source?: string; id?: string } {
  const { messageId, type } = message.properties;
  const attributes = attributesOf(message.properties.headers);
  const text = (value: unknown, otherwise: string | undefined) =>
    typeof value === 'string' ? value : otherwise;
  const described = {
    type: text(attributes.type, type),
    source: text(attributes.source, undefined),
    id: text(attributes.id, messageId),
  };
  return Object.fromEntries(Object.entries(described).filter(([, value]) => value !== undefined));
}

function structured(json: Record<string, unknown>): Envelope {
  if (!String(json.specversion).startsWith('1.'))
    throw new UnreadableMessageError('INVALID_ENVELOPE', 'specversion is not 1.0');
  const { id, source, type, time, data, data_base64: encoded } = json;
  const traceparent = traceOf(json.traceparent);
  if (typeof encoded === 'string') {
    const decoded = Buffer.from(encoded, 'base64');
    return { ...checked({ id, source, type, time, data: parseObject(decoded, 'data_base64') }), traceparent };
  }
  return { ...checked({ id, source, type, time, data }), traceparent };
}

function traceOf(value: unknown): string | undefined {
  return readTraceparent(value) ?? undefined;
}

/** Returns the CloudEvent attributes in the headers. */
function attributesOf(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const attributes: [string, unknown][] = [];
  for (const [name, value] of Object.entries(headers)) {
    const [, attribute] = attributeHeader.exec(name) ?? [];
    if (attribute) attributes.push([attribute.toLowerCase(), value]);
  }
  return Object.fromEntries(attributes);
}

/** False for a single attribute, such as the `ce-traceparent` that tracing adds to messages of any format. */
function isBinary(attributes: Record<string, unknown>): boolean {
  return requiredAttributes.filter((name) => attributes[name] !== undefined).length > 1;
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
