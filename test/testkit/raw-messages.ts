import type { ChannelModel } from 'amqplib';

/** A message for `publishRaw`, with the entries of its header table encoded. */
export interface RawMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly headers: Buffer;
  readonly body: Buffer;
  readonly messageId: string;
  readonly type: string;
  readonly contentType: string;
}

const [methodFrame, headerFrame, bodyFrame] = [1, 2, 3];
const frameEnd = Buffer.from([0xce]);
/** Basic properties: content type, headers, delivery mode, message id, type. */
const flags = 0x8000 | 0x2000 | 0x1000 | 0x0080 | 0x0020;

/** Publishes a message by frames that amqplib cannot encode. A broker that rejects it closes the connection. */
export async function publishRaw(connection: ChannelModel, message: RawMessage): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  const { ch } = channel as unknown as { ch: number };
  const { exchange, routingKey, headers, body, messageId, type, contentType } = message;
  const publish = [uint16(60), uint16(40), uint16(0), short(exchange), short(routingKey), Buffer.from([0])];
  const properties = [
    short(contentType),
    uint32(headers.length),
    headers,
    Buffer.from([2]),
    short(messageId),
    short(type),
  ];
  const header = [uint16(60), uint16(0), uint32(0), uint32(body.length), uint16(flags), ...properties];
  const { sendBytes } = connection.connection as unknown as { sendBytes(bytes: Buffer): void };
  sendBytes.call(
    connection.connection,
    Buffer.concat([
      frame(methodFrame as number, ch, publish),
      frame(headerFrame as number, ch, header),
      frame(bodyFrame as number, ch, [body]),
    ]),
  );
  // A reply proves that RabbitMQ has processed what precedes it on the channel.
  await channel.prefetch(1);
  await channel.close();
}

/** Returns the entries of a header table with this many tables (`F`) or arrays (`A`) in each other. */
export function nested(levels: number, kind: 'F' | 'A'): Buffer {
  let value: Buffer = Buffer.from('V');
  for (let level = 0; level < levels; level += 1) {
    const content = kind === 'F' ? Buffer.concat([short('a'), value]) : value;
    value = Buffer.concat([Buffer.from(kind), uint32(content.length), content]);
  }
  return Buffer.concat([short('deep'), value]);
}

function frame(type: number, channel: number, parts: Buffer[]): Buffer {
  const payload = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([type]), uint16(channel), uint32(payload.length), payload, frameEnd]);
}

function short(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
