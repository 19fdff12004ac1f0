import { createHash } from 'node:crypto';
import type { ChannelModel } from 'amqplib';
import { unreadableHeaders } from './broker';

const frameHeaderBytes = 7;
const headerFrame = 2;
/** Size of class, weight and body size, which precede the flags. */
const beforeFlagsBytes = 12;
const hasContentType = 0x8000;
const hasContentEncoding = 0x4000;
const hasHeaders = 0x2000;

/** The parts of amqplib's connection that decode frames. */
interface FrameReader {
  /** Received bytes that are not decoded yet. */
  rest: Buffer;
  recvFrame(): unknown;
}

/** A frame with the properties of a message. */
interface HeaderFrame {
  fields: { headers?: Record<string, unknown> };
}

/**
 * Makes the connection deliver messages whose headers cannot be decoded, with `unreadableHeaders` in their place.
 * Without this, such a message would close every connection in turn: amqplib decodes nested headers recursively, some
 * thousand levels (28 kB) overflow the stack, amqplib closes the connection, and RabbitMQ redelivers the message.
 */
export function guardDecoding(connection: ChannelModel): void {
  const reader = connection.connection as unknown as FrameReader;
  const receive = reader.recvFrame.bind(reader);
  reader.recvFrame = () => {
    const received = reader.rest;
    try {
      return receive();
    } catch (error) {
      // amqplib removes a frame from `rest` before it decodes it, but leaves an invalid one there.
      const headers = reader.rest === received ? null : findHeaders(received);
      if (!headers) throw error;
      const { from, to } = headers;
      const table = received.subarray(from, to);
      reader.rest = Buffer.concat([withoutHeaders(received, headers), reader.rest]);
      const frame = receive() as HeaderFrame;
      const digest = createHash('sha256').update(table).digest('base64url');
      frame.fields.headers = { [unreadableHeaders]: { bytes: table.length, digest } };
      return frame;
    }
  };
}

/** The position of the header table's entries in a frame, in bytes; `to` is exclusive. */
interface TablePosition {
  readonly from: number;
  readonly to: number;
}

/** Returns the position of the first frame's header table, or null if that frame has none. */
function findHeaders(received: Buffer): TablePosition | null {
  if (received[0] !== headerFrame) return null;
  let at = frameHeaderBytes + beforeFlagsBytes;
  const flags = received.readUInt16BE(at);
  at += 2;
  if (!(flags & hasHeaders)) return null;
  for (const flag of [hasContentType, hasContentEncoding]) if (flags & flag) at += 1 + received.readUInt8(at);
  const from = at + 4;
  return { from, to: from + received.readUInt32BE(at) };
}

/** Returns the first frame of `received` with an empty header table. */
function withoutHeaders(received: Buffer, { from, to }: TablePosition): Buffer {
  const payloadBytes = received.readUInt32BE(3);
  const end = frameHeaderBytes + payloadBytes + 1;
  const frame = Buffer.concat([received.subarray(0, from), received.subarray(to, end)]);
  frame.writeUInt32BE(payloadBytes - (to - from), 3);
  frame.writeUInt32BE(0, from - 4);
  return frame;
}
