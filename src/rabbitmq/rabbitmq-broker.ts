import type { ChannelModel } from 'amqplib';
import type { Logger } from 'pino';
import {
  type Broker,
  BrokerUnavailableError,
  type OutgoingMessage,
  type PublishOutcome,
  type Subscription,
  type SubscriptionOptions,
} from './broker';
import { declareExchanges, declareQueues, QueueConflictError } from './declarations';
import { RabbitMqConnection } from './rabbitmq-connection';
import { RabbitMqPublisher } from './rabbitmq-publisher';
import { RabbitMqSubscription } from './rabbitmq-subscription';
import { queueExchange, type Topology, topologyOf } from './topology';

const defaultConfirmTimeoutMs = 3_000;

export interface RabbitMqBrokerOptions {
  readonly url: string;
  /** Prepended to the name of every exchange and queue. Callers use the names without it. */
  readonly prefix: string;
  readonly log: Logger;
  readonly confirmTimeoutMs?: number;
}

/** RabbitMQ 3.10 or newer, over one connection for publishing and one for consuming. Both reconnect until `close`. */
export class RabbitMqBroker implements Broker {
  private readonly topology: Topology;
  private readonly publishing: RabbitMqConnection;
  private consuming: RabbitMqConnection | undefined;
  private publisher: RabbitMqPublisher | undefined;
  private readonly subscriptions = new Set<RabbitMqSubscription>();
  private conflictReported = false;

  constructor(private readonly options: RabbitMqBrokerOptions) {
    this.topology = topologyOf(options.prefix);
    this.publishing = this.connect('publisher', (connection, drop) => this.openPublisher(connection, drop));
  }

  async publish(message: OutgoingMessage): Promise<PublishOutcome> {
    // For an unknown exchange RabbitMQ closes the channel, and the pending confirms of other messages are lost.
    const { exchange } = message;
    if (exchange !== queueExchange && !this.topology.exchanges.includes(`${this.options.prefix}${exchange}`))
      throw new Error(`There is no exchange ${exchange}.`);
    if (!this.publisher || !this.publishing.isReady)
      throw new BrokerUnavailableError('RabbitMQ is unreachable or blocked.');
    return this.publisher.publish(message);
  }

  subscribe(options: SubscriptionOptions): Subscription {
    const { prefix, log } = this.options;
    if (!this.topology.queues.some(({ name }) => name === `${prefix}${options.queue}`))
      throw new Error(`There is no queue ${options.queue}.`);
    const subscription = new RabbitMqSubscription(options, prefix, log);
    this.subscriptions.add(subscription);
    // A connection that is being set up may already have opened the other subscriptions.
    if (this.consuming) this.consuming.restart();
    else
      this.consuming = this.connect('consumer', (connection, drop) => this.openConsumers(connection, drop));
    return {
      blockedSeconds: () => subscription.blockedSeconds(),
      stop: async () => {
        this.subscriptions.delete(subscription);
        await subscription.stop();
      },
    };
  }

  status(): 'ready' | 'degraded' {
    const ready = this.publishing.isReady && (this.consuming?.isReady ?? true);
    return ready ? 'ready' : 'degraded';
  }

  async close(): Promise<void> {
    await Promise.all([this.publishing.close(), this.consuming?.close()]);
    this.publisher?.failAll('The broker is closed.');
  }

  private connect(
    name: string,
    setup: (connection: ChannelModel, drop: () => void) => Promise<void>,
  ): RabbitMqConnection {
    return new RabbitMqConnection({ url: this.options.url, name, log: this.options.log, setup });
  }

  private async openPublisher(connection: ChannelModel, drop: () => void): Promise<void> {
    const { prefix, log, confirmTimeoutMs = defaultConfirmTimeoutMs } = this.options;
    await declareExchanges(connection, this.topology, log);
    await this.declarePublisherQueues(connection);
    this.publisher = await RabbitMqPublisher.open(connection, { prefix, log, confirmTimeoutMs, drop });
  }

  /** A queue that cannot be declared must not prevent publishing, so the error is only logged. */
  private async declarePublisherQueues(connection: ChannelModel): Promise<void> {
    try {
      await declareQueues(connection, this.topology, 'publisher', this.options.log);
    } catch (error) {
      this.options.log.error(
        { err: error },
        'the erasures stream cannot be declared: erasures are not recorded outside the database',
      );
    }
  }

  private async openConsumers(connection: ChannelModel, drop: () => void): Promise<void> {
    await declareExchanges(connection, this.topology, this.options.log);
    await this.declareConsumerQueues(connection);
    for (const subscription of this.subscriptions) await subscription.open(connection, drop);
  }

  private async declareConsumerQueues(connection: ChannelModel): Promise<void> {
    try {
      await declareQueues(connection, this.topology, 'consumers', this.options.log);
      this.conflictReported = false;
    } catch (error) {
      if (error instanceof QueueConflictError && !this.conflictReported) {
        this.conflictReported = true;
        this.options.log.error(
          { queue: error.queue },
          'a queue exists with other arguments: consuming waits until it is moved or deleted',
        );
      }
      throw error;
    }
  }
}
