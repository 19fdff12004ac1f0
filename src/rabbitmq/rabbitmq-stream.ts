import { randomUUID } from 'node:crypto';
import { type ChannelModel, connect } from 'amqplib';
import { withDeadline } from './deadline';

const connectTimeoutMs = 5_000;
const confirmTimeoutMs = 5_000;
/** A stream that delivers nothing for so long, before its end, is not going to. */
const silenceLimitMs = 30_000;
const prefetch = 1_000;
const markType = 'EndOfReading';

/**
 * Reads a stream of RabbitMQ from the first message to the last that was there when the call began. The broker does
 * not tell how long a stream is, so a mark is put at its end, and passed over by whoever reads later.
 *
 * @throws Error when the broker is away, the stream is not there, or it falls silent
 */
export async function readStream(
  url: string,
  stream: string,
  onDocument: (text: string) => void,
): Promise<void> {
  const connection = await connect(url, { timeout: connectTimeoutMs });
  // First of all: an unheard error ends the process. The call that caused it tells of it.
  connection.on('error', () => undefined);
  try {
    await readToMark(connection, stream, await putMark(connection, stream), onDocument);
  } finally {
    await withDeadline(connection.close(), connectTimeoutMs).catch(() => undefined);
  }
}

async function putMark(connection: ChannelModel, stream: string): Promise<string> {
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  // A message to a queue that is not there would be lost without a word.
  await channel.checkQueue(stream);
  const messageId = randomUUID();
  channel.sendToQueue(stream, Buffer.alloc(0), { messageId, type: markType, persistent: true });
  await withDeadline(channel.waitForConfirms(), confirmTimeoutMs);
  await channel.close();
  return messageId;
}

async function readToMark(
  connection: ChannelModel,
  stream: string,
  mark: string,
  onDocument: (text: string) => void,
): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  await channel.prefetch(prefetch);
  let silence: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    const listen = () => {
      clearTimeout(silence);
      silence = setTimeout(() => reject(new Error(`${stream} fell silent before its end`)), silenceLimitMs);
    };
    listen();
    channel.once('close', () => reject(new Error(`the broker ended the reading of ${stream}`)));
    const begun = channel.consume(
      stream,
      (message) => {
        if (!message) return reject(new Error(`the broker ended the reading of ${stream}`));
        listen();
        const { messageId, type } = message.properties;
        if (type !== markType) onDocument(message.content.toString());
        channel.ack(message);
        if (messageId === mark) resolve();
      },
      { arguments: { 'x-stream-offset': 'first' } },
    );
    begun.catch(reject);
  }).finally(() => clearTimeout(silence));
}
