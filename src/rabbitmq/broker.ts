/** A message on its way out. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string;
  readonly type: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `unroutable`: the broker has taken it, and no queue is bound for it. */
export type PublishOutcome = 'routed' | 'unroutable';

/** The broker is away, blocked, or did not confirm in time. What was published may have arrived: it is unknown. */
export class BrokerUnavailableError extends Error {
  override name = 'BrokerUnavailableError';
}

/** The broker is there and did not take this one message, as a full queue does; others may pass. */
export class MessageRefusedError extends BrokerUnavailableError {
  override name = 'MessageRefusedError';
}

/** A message as it came over the wire: what it needs to be read, and read again. */
export interface IncomingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: {
    readonly messageId?: string | undefined;
    readonly type?: string | undefined;
    readonly contentType?: string | undefined;
    readonly timestamp?: Date | undefined;
    readonly headers: Readonly<Record<string, unknown>>;
  };
}

/** A message that came in, and how. */
export interface Delivery extends IncomingMessage {
  readonly queue: string;
  readonly redelivered: boolean;
  /** How often the broker has given it to somebody before without an answer; 0 where it does not say. */
  readonly deliveryCount: number;
}

export interface SubscriptionOptions {
  readonly queue: string;
  /** How many deliveries may be unanswered at once. */
  readonly prefetch: number;
  /** How many deliveries a batch has at most. */
  readonly batchSize: number;
  /**
   * Resolves when every delivery of the batch is dealt with and committed; they are acknowledged then. When it
   * rejects, the same batch is given again after a backoff, and nothing else is dealt with meanwhile. It never
   * runs twice at once for one subscription.
   */
  readonly onBatch: (deliveries: Delivery[]) => Promise<void>;
}

export interface Subscription {
  /** Takes no more, finishes and acknowledges the batch in hand. */
  stop(): Promise<void>;
}

/** Exchanges, queues and confirmed publishing. Two implementations: RabbitMQ, and one inside the process. */
export interface Broker {
  /**
   * Resolves when the broker has taken the message for good.
   *
   * @throws BrokerUnavailableError within the confirm timeout (3 seconds)
   * @throws MessageRefusedError
   * @throws Error for an exchange that is not in the topology, or a message that cannot be encoded
   */
  publish(message: OutgoingMessage): Promise<PublishOutcome>;
  /**
   * Begins as soon as the broker is there, and again whenever it comes back.
   *
   * @throws Error for a queue that is not in the topology
   */
  subscribe(options: SubscriptionOptions): Subscription;
  status(): 'ready' | 'degraded';
  /** Bounded: about two seconds. */
  close(): Promise<void>;
}
