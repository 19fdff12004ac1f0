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
  /** Prepended to the name of every exchange and queue. */
  readonly prefix: string;
  readonly log: Logger;
  readonly confirmTimeoutMs: number;
  /** Closes the connection, so that a new one is set up. */
  readonly drop: () => void;
}

/** A published message that is not confirmed yet. */
interface Unconfirmed {
  /** True if RabbitMQ returned the message because no queue is bound for it. */
  returned: boolean;
  readonly fail: (error: Error) => void;
}

/** Publishes with confirms over one channel, until the channel closes. */
export class RabbitMqPublisher {
  private readonly unconfirmed = new Map<string, Unconfirmed>();
  private confirmedAtMs = 0;
  private closed = false;

  private constructor(
    private readonly channel: ConfirmChannel,
    private readonly options: RabbitMqPublisherOptions,
  ) {}

  /** Returns a publisher with its own channel. If the channel closes or RabbitMQ stops confirming, it calls `drop`. */
  static async open(connection: ChannelModel, options: RabbitMqPublisherOptions): Promise<RabbitMqPublisher> {
    const channel = await connection.createConfirmChannel();
    // Before any other call, because an error event without a listener ends the process.
    channel.on('error', (error: Error) =>
      options.log.warn({ err: error }, 'RabbitMQ closed the publishing channel'),
    );
    const publisher = new RabbitMqPublisher(channel, options);
    channel.on('close', () => {
      publisher.closed = true;
      publisher.failAll('The publishing channel was closed.');
      options.drop();
    });
    channel.on('return', ({ properties }) => {
      const waiting = publisher.unconfirmed.get(String(properties.messageId));
      if (waiting) waiting.returned = true;
    });
    // During an alarm RabbitMQ reads no messages, so pending confirms would not arrive before it ends.
    connection.on('blocked', () => publisher.failAll('RabbitMQ blocked the connection.'));
    return publisher;
  }

  /**
   * Resolves when RabbitMQ has confirmed the message.
   *
   * @throws BrokerUnavailableError, MessageRefusedError, or the error of a message that cannot be encoded
   */
  publish(message: OutgoingMessage): Promise<PublishOutcome> {
    if (this.closed) return Promise.reject(new BrokerUnavailableError('The publishing channel is closed.'));
    const { messageId } = message;
    return new Promise((resolve, reject) => {
      const sentAtMs = performance.now();
      const timer = setTimeout(() => {
        waiting.fail(new BrokerUnavailableError('RabbitMQ did not confirm the message in time.'));
        // If nothing was confirmed since the message was sent, the broker hangs: it is not only slow.
        if (this.confirmedAtMs < sentAtMs) this.options.drop();
      }, this.options.confirmTimeoutMs);
      const stopWaiting = () => {
        clearTimeout(timer);
        if (this.unconfirmed.get(messageId) === waiting) this.unconfirmed.delete(messageId);
      };
      const waiting: Unconfirmed = {
        returned: false,
        fail: (error) => {
          stopWaiting();
          reject(error);
        },
      };
      this.unconfirmed.set(messageId, waiting);
      try {
        this.send(message, (error: Error | null) => {
          this.confirmedAtMs = performance.now();
          if (error) return waiting.fail(asConfirmError(error));
          stopWaiting();
          // RabbitMQ returns an unroutable message before it confirms it.
          resolve(waiting.returned ? 'unroutable' : 'routed');
        });
      } catch (error) {
        waiting.fail(asPublishError(error));
      }
    });
  }

  /** Rejects every unconfirmed publish, although its message may have been published. */
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

/** Returns the error of an unconfirmed message. In amqplib only the text distinguishes a nack from a closed channel. */
function asConfirmError({ message }: Error): BrokerUnavailableError {
  return message === 'message nacked'
    ? new MessageRefusedError('RabbitMQ rejected the message.')
    : new BrokerUnavailableError(message);
}

/** Returns the error of a message that was not sent. Errors that the message itself causes are returned unchanged. */
function asPublishError(error: unknown): Error {
  const { name, message } = error as Error;
  // amqplib throws it on a closing channel.
  return name === 'IllegalOperationError' ? new BrokerUnavailableError(message) : (error as Error);
}
