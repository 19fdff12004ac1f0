import { randomUUID } from 'node:crypto';
import { type ChannelModel, connect } from 'amqplib';
import { within } from '../scheduling/within';

const connectTimeoutMs = 5_000;
const confirmTimeoutMs = 5_000;
/** Reading fails if the stream delivers nothing for this long before its end. */
const silenceLimitMs = 30_000;
const prefetch = 1_000;
const markerType = 'EndOfReading';

/**
 * Calls `onDocument` with every message of a RabbitMQ stream, up to the last one present when the call began.
 * Because RabbitMQ does not report the length of a stream, the function appends a marker and reads up to it. Markers
 * are not documents, so those of earlier calls are skipped.
 *
 * @throws Error when RabbitMQ is unreachable, the stream does not exist, or nothing arrives for 30 seconds
 */
export async function readStream(
  url: string,
  stream: string,
  onDocument: (text: string) => void,
): Promise<void> {
  const connection = await connect(url, { timeout: connectTimeoutMs });
  // Before any other call, because an error event without a listener ends the process. The call also rejects.
  connection.on('error', () => undefined);
  try {
    await readToMarker({ connection, stream, marker: await appendMarker(connection, stream), onDocument });
  } finally {
    await within(connection.close(), connectTimeoutMs, 'RabbitMQ did not close the connection in time').catch(
      () => undefined,
    );
  }
}

/** Appends a marker to the stream and returns its message id. */
async function appendMarker(connection: ChannelModel, stream: string): Promise<string> {
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  // RabbitMQ silently drops a message to a queue that does not exist.
  await channel.checkQueue(stream);
  const messageId = randomUUID();
  channel.sendToQueue(stream, Buffer.alloc(0), { messageId, type: markerType, persistent: true });
  await within(channel.waitForConfirms(), confirmTimeoutMs, 'RabbitMQ did not confirm in time');
  await channel.close();
  return messageId;
}

interface StreamReading {
  readonly connection: ChannelModel;
  readonly stream: string;
  /** Message id of the marker that ends the reading. */
  readonly marker: string;
  readonly onDocument: (text: string) => void;
}

async function readToMarker({ connection, stream, marker, onDocument }: StreamReading): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  await channel.prefetch(prefetch);
  let silence: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    const restartTimer = () => {
      clearTimeout(silence);
      silence = setTimeout(
        () => reject(new Error(`The stream ${stream} delivered nothing for too long before its end.`)),
        silenceLimitMs,
      );
    };
    restartTimer();
    channel.once('close', () => reject(new Error(`RabbitMQ stopped delivering the stream ${stream}.`)));
    const begun = channel.consume(
      stream,
      (message) => {
        if (!message) return reject(new Error(`RabbitMQ stopped delivering the stream ${stream}.`));
        restartTimer();
        const { messageId, type } = message.properties;
        if (type !== markerType) onDocument(message.content.toString());
        channel.ack(message);
        if (messageId === marker) resolve();
      },
      { arguments: { 'x-stream-offset': 'first' } },
    );
    begun.catch(reject);
  }).finally(() => clearTimeout(silence));
}
