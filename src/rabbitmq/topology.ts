/** A queue, and which of the service's connections declares it. */
export interface DeclaredQueue {
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number>>;
  /** Consuming waits until its queues are declared. The publisher works without its own, although it logs an error. */
  readonly declaredBy: 'consumers' | 'publisher';
  /** The queue is used as it is if it exists with other arguments. */
  readonly mayDiffer?: true;
}

/** The exchanges, queues and bindings that the service declares: all durable, all queues replicated. */
export interface Topology {
  /** Topic exchanges. */
  readonly exchanges: readonly string[];
  readonly queues: readonly DeclaredQueue[];
  readonly bindings: readonly {
    readonly queue: string;
    readonly exchange: string;
    readonly routingKey: string;
  }[];
}

/** The exchanges this service publishes to. */
export const ownExchanges: readonly string[] = ['user.events', 'audit.events'];
/** The exchanges of other services that this service consumes from, with their routing keys. */
const inbound = [
  ['order.events', 'order.placed'],
  ['order.events', 'order.cancelled'],
  ['order.events', 'order.canceled'],
  ['payment.events', 'payment.failed'],
  ['loyalty.events', 'loyalty.points-earned'],
  ['authentication.events', 'authentication.user-authenticated'],
] as const;
export const inboundExchanges: readonly string[] = [...new Set(inbound.map(([exchange]) => exchange))];
/** The queue of other services' events. */
export const historyQueue = 'user-service.history';
/** The dead-letter queue, which holds messages that exceeded the delivery limit. */
export const deadLetterQueue = 'user-service.history.parked';
/** The stream that stores every UserErased outside the database, for a replay after an older backup was restored. */
export const erasuresStream = 'user-service.erasures';
/** The default exchange, which routes a message to the queue named by its routing key. */
export const queueExchange = '';

/** Unacknowledged deliveries until RabbitMQ dead-letters a message. The service's own limit for crashes is lower. */
const deliveryLimit = 20;
/**
 * At this limit RabbitMQ drops a dead letter. The service stores its digest and acknowledges it much earlier, after 20
 * deliveries.
 */
const deadLetterDeliveryLimit = 1_000;
/** At these limits dead letters stay in the history queue, and nothing is lost. */
const deadLetterQueueLimits = {
  'x-max-length': 100_000,
  'x-max-length-bytes': 1024 ** 3,
  'x-overflow': 'reject-publish',
};

/**
 * Returns all exchanges, queues and bindings. The queue arguments are valid on RabbitMQ 3.10 and 4.x.
 *
 * @param prefix prepended to every name, so that tests can share a broker
 */
export function topologyOf(prefix = ''): Topology {
  return {
    exchanges: [...ownExchanges, ...inboundExchanges].map((name) => `${prefix}${name}`),
    queues: [
      {
        name: `${prefix}${historyQueue}`,
        declaredBy: 'consumers',
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': deliveryLimit,
          // Dead-letters at least once, which requires the overflow rule reject-publish.
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': `${prefix}${deadLetterQueue}`,
        },
      },
      // Earlier versions declared it without limits; RabbitMQ cannot change the arguments of a queue.
      {
        name: `${prefix}${deadLetterQueue}`,
        declaredBy: 'consumers',
        mayDiffer: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': deadLetterDeliveryLimit,
          ...deadLetterQueueLimits,
        },
      },
      // No maximum age or length, so that messages are never deleted.
      {
        name: `${prefix}${erasuresStream}`,
        declaredBy: 'publisher',
        arguments: { 'x-queue-type': 'stream' },
      },
    ],
    bindings: [
      ...inbound.map(([exchange, routingKey]) => [historyQueue, exchange, routingKey] as const),
      [erasuresStream, 'user.events', 'user.erased'] as const,
    ].map(([queue, exchange, routingKey]) => ({
      queue: `${prefix}${queue}`,
      exchange: `${prefix}${exchange}`,
      routingKey,
    })),
  };
}
