/** A queue, and which of the service's connections declares it. */
export interface DeclaredQueue {
  readonly name: string;
  readonly arguments: Readonly<Record<string, string | number>>;
  /** Consumers cannot work without theirs; the publisher goes on without its own, with an error in the log. */
  readonly declaredBy: 'consumers' | 'publisher';
}

/** What the service declares: everything durable, every queue replicated. */
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

/** What this service publishes to. */
export const ownExchanges: readonly string[] = ['user.events', 'audit.events'];
/** Where other services' events are consumed from. */
export const historyQueue = 'user-service.history';
/** Where the broker puts what it gives up on. */
export const parkedQueue = 'user-service.history.parked';
/** Every UserErased for good, outside of the database: read again after an older backup was restored. */
export const erasuresStream = 'user-service.erasures';
/** The exchange through which a message goes to the one queue that its routing key names. */
export const queueExchange = '';

/** However often a delivery ends without an answer before the broker gives it up; crashes are counted here sooner. */
const deliveryLimit = 20;
/** RabbitMQ 4 drops after 20 deliveries unless told, and 3.10 knows no number for "never". */
const noDeliveryLimit = 2_000_000_000;

/**
 * The one table of exchanges, queues and bindings; its arguments are valid on RabbitMQ 3.10 and 4.x.
 *
 * @param prefix before every name, so that tests can share a broker
 */
export function topologyOf(prefix = ''): Topology {
  const inbound = [
    ['order.events', 'order.placed'],
    ['payment.events', 'payment.failed'],
    ['loyalty.events', 'loyalty.points-earned'],
  ] as const;
  return {
    exchanges: [...ownExchanges, ...inbound.map(([exchange]) => exchange)].map((name) => `${prefix}${name}`),
    queues: [
      {
        name: `${prefix}${historyQueue}`,
        declaredBy: 'consumers',
        arguments: {
          'x-queue-type': 'quorum',
          'x-delivery-limit': deliveryLimit,
          // At least once also on the way to the parked queue; it needs reject-publish as the overflow rule.
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': `${prefix}${parkedQueue}`,
        },
      },
      // No limit and no dead letters: nothing leaves here but into the database.
      {
        name: `${prefix}${parkedQueue}`,
        declaredBy: 'consumers',
        arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': noDeliveryLimit },
      },
      // No age and no length: what is in it stays.
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
