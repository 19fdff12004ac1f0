import type { ChannelModel, ConfirmChannel } from 'amqplib';
import type { Logger } from 'pino';
import {
  BrokerUnavailableError,
  MessageRefusedError,
  type OutgoingMessage,
  type PublishOutcome,
} from './broker';
import { queueExchange } from './topology';

export interface RabbitMqPublisherOptions {
  /** Before the name of every exchange. */
  readonly prefix: string;
  readonly log: Logger;
  readonly confirmTimeoutMs: number;
  /** Gives up the connection. */
  readonly drop: () => void;
}

/** A message that waits for its confirm. */
interface Unconfirmed {
  returned: boolean;
  readonly fail: (error: Error) => void;
}

/** Confirmed publishing over one channel, until that closes. */
export class RabbitMqPublisher {
  private readonly unconfirmed = new Map<string, Unconfirmed>();
  private confirmedAtMs = 0;
  private closed = false;

  private constructor(
    private readonly channel: ConfirmChannel,
    private readonly options: RabbitMqPublisherOptions,
  ) {}

  /** Opens a channel of its own. When that closes, or the broker stops answering, the connection is given up. */
  static async open(connection: ChannelModel, options: RabbitMqPublisherOptions): Promise<RabbitMqPublisher> {
    const channel = await connection.createConfirmChannel();
    // First of all: an unheard error of a channel ends the process.
    channel.on('error', (error: Error) =>
      options.log.warn({ err: error }, 'RabbitMQ closed the publishing channel'),
    );
    const publisher = new RabbitMqPublisher(channel, options);
    channel.on('close', () => {
      publisher.closed = true;
      publisher.failAll('the channel was closed');
      options.drop();
    });
    channel.on('return', ({ properties }) => {
      const waiting = publisher.unconfirmed.get(String(properties.messageId));
      if (waiting) waiting.returned = true;
    });
    // An alarm: what is on its way is not taken before it ends, and no confirm tells.
    connection.on('blocked', () => publisher.failAll('RabbitMQ takes no messages'));
    return publisher;
  }

  /** @throws BrokerUnavailableError, MessageRefusedError */
  publish(message: OutgoingMessage): Promise<PublishOutcome> {
    if (this.closed) return Promise.reject(new BrokerUnavailableError('the channel is closed'));
    const { messageId } = message;
    return new Promise((resolve, reject) => {
      const sentAtMs = performance.now();
      const timer = setTimeout(() => {
        waiting.fail(new BrokerUnavailableError('RabbitMQ did not confirm in time'));
        // Slow is one thing; a broker that confirmed nothing at all since then is frozen.
        if (this.confirmedAtMs < sentAtMs) this.options.drop();
      }, this.options.confirmTimeoutMs);
      const settle = () => {
        clearTimeout(timer);
        if (this.unconfirmed.get(messageId) === waiting) this.unconfirmed.delete(messageId);
      };
      const waiting: Unconfirmed = {
        returned: false,
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      this.unconfirmed.set(messageId, waiting);
      try {
        this.send(message, (error: Error | null) => {
          this.confirmedAtMs = performance.now();
          if (error) return waiting.fail(asConfirmError(error));
          settle();
          // A message that no queue wants comes back before it is confirmed.
          resolve(waiting.returned ? 'unroutable' : 'routed');
        });
      } catch (error) {
        waiting.fail(asPublishError(error));
      }
    });
  }

  /** Rejects everything that waits for its confirm: it may have arrived or not. */
  failAll(reason: string): void {
    for (const { fail } of this.unconfirmed.values()) fail(new BrokerUnavailableError(reason));
  }

  private send(message: OutgoingMessage, confirmed: (error: Error | null) => void): void {
    const { exchange, routingKey, messageId, type, contentType, headers = {} } = message;
    const { prefix } = this.options;
    const address =
      exchange === queueExchange
        ? [exchange, `${prefix}${routingKey}`]
        : [`${prefix}${exchange}`, routingKey];
    this.channel.publish(
      ...(address as [string, string]),
      message.body,
      {
        messageId,
        type,
        contentType,
        headers,
        persistent: true,
        mandatory: true,
        timestamp: Math.floor(Date.now() / 1000),
      },
      confirmed,
    );
  }
}

/** amqplib tells a nack from a channel that closed by the message only. */
function asConfirmError({ message }: Error): BrokerUnavailableError {
  return message === 'message nacked'
    ? new MessageRefusedError('RabbitMQ did not take the message')
    : new BrokerUnavailableError(message);
}

/** amqplib throws IllegalOperationError on a channel that closes; anything else is the message's own fault. */
function asPublishError(error: unknown): Error {
  const { name, message } = error as Error;
  return name === 'IllegalOperationError' ? new BrokerUnavailableError(message) : (error as Error);
}
