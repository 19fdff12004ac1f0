/** What the service declares: everything durable, every queue a quorum queue. */
export interface Topology {
  /** Topic exchanges. */
  readonly exchanges: readonly string[];
  readonly queues: readonly {
    readonly name: string;
    readonly arguments: Readonly<Record<string, string | number>>;
  }[];
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
        arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': noDeliveryLimit },
      },
    ],
    bindings: inbound.map(([exchange, routingKey]) => ({
      queue: `${prefix}${historyQueue}`,
      exchange: `${prefix}${exchange}`,
      routingKey,
    })),
  };
}
