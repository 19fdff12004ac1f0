import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import { within } from '../scheduling/within';
import type { Delivery, Subscription, SubscriptionOptions } from './broker';
import { toDelivery } from './delivery';
import { DeliveryBatches } from './delivery-batches';

const stopTimeoutMs = 1_000;

/** A delivery, and the fields that acknowledge it. */
interface Received {
  readonly delivery: Delivery;
  readonly fields: ConsumeMessage['fields'];
}

/** A consumer of one queue that processes deliveries in batches and acknowledges each processed batch. */
export class RabbitMqSubscription implements Subscription {
  private readonly batches: DeliveryBatches<Received>;
  private channel: Channel | undefined;
  private consumerTag: string | undefined;
  private stopped = false;

  constructor(
    private readonly options: SubscriptionOptions,
    private readonly prefix: string,
    private readonly log: Logger,
  ) {
    this.batches = new DeliveryBatches({ ...options, log, acknowledge: (batch) => this.acknowledge(batch) });
  }

  /**
   * Starts consuming on a new connection. RabbitMQ redelivers what an older connection left unacknowledged.
   *
   * @param drop closes the connection, so that a new one is set up
   */
  async open(connection: ChannelModel, drop: () => void): Promise<void> {
    if (this.stopped) return;
    const channel = await connection.createChannel();
    // Before any other call, because an error event without a listener ends the process.
    channel.on('error', (error: Error) =>
      this.log.warn({ err: error, queue: this.options.queue }, 'RabbitMQ closed a consuming channel'),
    );
    channel.on('close', () => {
      if (this.channel !== channel) return;
      this.channel = undefined;
      this.batches.forget();
      if (!this.stopped) drop();
    });
    this.batches.forget();
    this.channel = channel;
    await channel.prefetch(this.options.prefetch);
    const { prefix } = this;
    const { queue } = this.options;
    const { consumerTag } = await channel.consume(`${prefix}${queue}`, (message) => {
      if (this.channel !== channel || this.stopped) return;
      if (message)
        return this.batches.add({
          delivery: toDelivery(message, { queue, prefix }),
          fields: message.fields,
        });
      // RabbitMQ cancels a consumer, for example when its queue is deleted, but keeps the connection open.
      this.log.warn({ queue: this.options.queue }, 'RabbitMQ cancelled a consumer');
      drop();
    });
    this.consumerTag = consumerTag;
  }

  blockedSeconds(): number {
    return this.batches.blockedSeconds();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    const { channel, consumerTag } = this;
    const finished = this.batches.stop();
    if (channel && consumerTag) await bounded(() => channel.cancel(consumerTag));
    await finished;
    // Closing the channel requeues unacknowledged deliveries.
    if (channel && this.channel === channel) await bounded(() => channel.close());
  }

  private acknowledge(batch: Received[]): void {
    const last = batch.at(-1);
    if (!last || !this.channel) return;
    try {
      // Batches are acknowledged in order of arrival, so every delivery up to the last one is processed.
      this.channel.ack({ fields: last.fields } as ConsumeMessage, true);
    } catch (error) {
      // The connection is closing, so RabbitMQ redelivers these messages.
      this.log.debug({ err: error }, 'an acknowledgement was not sent');
    }
  }
}

async function bounded(work: () => Promise<unknown>): Promise<void> {
  await within(
    (async () => {
      await work();
    })(),
    stopTimeoutMs,
    'RabbitMQ did not respond in time',
  ).catch(() => undefined);
}
