/** A message to publish. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string;
  readonly type: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `unroutable` means that the broker confirmed the message although no queue is bound for it. */
export type PublishOutcome = 'routed' | 'unroutable';

/** The broker is unreachable, blocked, or did not confirm in time. The message may or may not have been published. */
export class BrokerUnavailableError extends Error {
  override name = 'BrokerUnavailableError';
}

/** The broker rejected this one message, for example because a queue is full. It may accept others. */
export class MessageRefusedError extends BrokerUnavailableError {
  override name = 'MessageRefusedError';
}

/** Bytes of a body that are kept in memory and read. */
export const largestBodyBytes = 256 * 1024;

/** The header that replaces all headers of a message that cannot be decoded. It has their size and SHA-256. */
export const unreadableHeaders = 'x-unreadable-headers';

/** A message as received, with everything needed to process it, now or when it is replayed. */
export interface IncomingMessage {
  /** Where it was published. */
  readonly exchange: string;
  readonly routingKey: string;
  /** At most 256 kB: the body, or its beginning. */
  readonly body: Buffer;
  /** Size and digest of the whole body. Present only if `body` is its beginning. */
  readonly truncated?: { readonly totalBytes: number; readonly digest: string };
  readonly properties: {
    readonly messageId?: string | undefined;
    readonly type?: string | undefined;
    readonly contentType?: string | undefined;
    readonly timestamp?: Date | undefined;
    readonly headers: Readonly<Record<string, unknown>>;
  };
}

/** A message delivered from a queue. */
export interface Delivery extends IncomingMessage {
  readonly queue: string;
  readonly redelivered: boolean;
  /** Number of earlier deliveries that were not acknowledged; 0 if the broker does not report it. */
  readonly deliveryCount: number;
}

export interface SubscriptionOptions {
  readonly queue: string;
  /** Maximum number of unacknowledged deliveries. */
  readonly prefetch: number;
  /** Maximum number of deliveries in a batch. */
  readonly batchSize: number;
  /** How many batches are processed concurrently; defaults to 1. One with a redelivered message is processed alone. */
  readonly parallelBatches?: number;
  /**
   * Resolves when every delivery of the batch is processed and committed. The batch is acknowledged then. If it
   * rejects, the same batch is retried after a back-off.
   */
  readonly onBatch: (deliveries: Delivery[]) => Promise<void>;
}

export interface Subscription {
  /** Returns for how many seconds the oldest batch has been retried; 0 if none is. */
  blockedSeconds(): number;
  /** Stops receiving, then finishes and acknowledges the current batches. */
  stop(): Promise<void>;
}

/** Exchanges, queues and confirmed publishing. Two implementations: RabbitMQ and in-process. */
export interface Broker {
  /**
   * Resolves when the broker has confirmed the message.
   *
   * @throws BrokerUnavailableError within the confirm timeout (3 seconds)
   * @throws MessageRefusedError
   * @throws Error for an exchange that is not in the topology, or a message that cannot be encoded
   */
  publish(message: OutgoingMessage): Promise<PublishOutcome>;
  /**
   * Starts consuming when the broker is reachable, and again after each reconnection.
   *
   * @throws Error for a queue that is not in the topology
   */
  subscribe(options: SubscriptionOptions): Subscription;
  status(): 'ready' | 'degraded';
  /** Closes all connections, within about two seconds. */
  close(): Promise<void>;
}
