import { randomUUID } from 'node:crypto';
import { type ChannelModel, connect } from 'amqplib';
import { within } from '../scheduling/within';

const connectTimeoutMs = 5_000;
const confirmTimeoutMs = 5_000;
/** Reading fails if nothing is delivered for this long before the marker. */
const silenceLimitMs = 30_000;
const prefetch = 1_000;
const markerType = 'EndOfReading';

/**
 * Calls `onDocument` with every document of a RabbitMQ stream that was there when the call began, oldest first.
 * RabbitMQ does not report the length of a stream, so this function appends a marker and reads up to it. Documents that
 * are published before the marker are included. The markers of earlier calls stay in the stream and are skipped.
 *
 * @throws Error when RabbitMQ is unreachable, the stream does not exist, the marker is not confirmed within 5 seconds,
 *   or nothing arrives for 30 seconds
 */
export async function readStream(
  url: string,
  stream: string,
  onDocument: (text: string) => void,
): Promise<void> {
  const connection = await connect(url, { timeout: connectTimeoutMs });
  // Without a listener, an error event would end the process. The pending call rejects with the error.
  connection.on('error', () => undefined);
  try {
    await readToMarker({ connection, stream, markerId: await appendMarker(connection, stream), onDocument });
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
  // Rejects if the stream does not exist: RabbitMQ would silently drop the marker.
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
  /** Reading ends at the message with this id. */
  readonly markerId: string;
  readonly onDocument: (text: string) => void;
}

async function readToMarker({ connection, stream, markerId, onDocument }: StreamReading): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  await channel.prefetch(prefetch);
  let silence: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    const restartTimer = () => {
      clearTimeout(silence);
      silence = setTimeout(
        () =>
          reject(
            new Error(
              `RabbitMQ delivered nothing of the stream ${stream} for ${silenceLimitMs / 1000} seconds.`,
            ),
          ),
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
        if (messageId === markerId) resolve();
      },
      { arguments: { 'x-stream-offset': 'first' } },
    );
    begun.catch(reject);
  }).finally(() => clearTimeout(silence));
}
