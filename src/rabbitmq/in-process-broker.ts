import type { Logger } from 'pino';
import {
  type Broker,
  BrokerUnavailableError,
  type Delivery,
  type OutgoingMessage,
  type PublishOutcome,
  type Subscription,
  type SubscriptionOptions,
} from './broker';
import { boundBody } from './delivery';
import { DeliveryBatches } from './delivery-batches';
import type { StreamFile } from './stream-file';
import { erasuresStream, ownExchanges, queueExchange, type Topology } from './topology';

/** A message in a queue. */
interface Queued {
  readonly message: OutgoingMessage;
  readonly publishedAt: Date;
  readonly deliveryCount: number;
}

interface Queue {
  ready: Queued[];
  /** Functions that deliver ready messages to one subscription each. */
  readonly consumers: Set<() => void>;
}

/**
 * A broker in this process, for a service that runs without RabbitMQ. It routes messages and redelivers
 * unacknowledged ones as RabbitMQ does. Messages do not survive the process, except erasures, which are appended to
 * a file. Every published message is logged with its type and id.
 */
export class InProcessBroker implements Broker {
  private readonly queues: Map<string, Queue>;
  private closed = false;

  constructor(
    private readonly topology: Topology,
    private readonly log: Logger,
    private readonly erasures: StreamFile,
  ) {
    const consumed = topology.queues.filter(({ name }) => name !== erasuresStream);
    this.queues = new Map(consumed.map(({ name }) => [name, { ready: [], consumers: new Set() }]));
  }

  async publish(message: OutgoingMessage): Promise<PublishOutcome> {
    const { exchange, routingKey, messageId, type } = message;
    if (this.closed) throw new BrokerUnavailableError('The broker is closed.');
    if (exchange !== queueExchange && !this.topology.exchanges.includes(exchange))
      throw new Error(`There is no exchange ${exchange}.`);
    this.log.info({ exchange, routingKey, messageId, type }, 'event published');
    const bound = exchange === queueExchange ? [routingKey] : this.queuesFor(exchange, routingKey);
    if (bound.includes(erasuresStream)) await this.erasures.append(message.body);
    for (const name of bound) {
      const queue = this.queues.get(name);
      queue?.ready.push({ message, publishedAt: new Date(), deliveryCount: 0 });
      queue?.consumers.forEach((deliver) => deliver());
    }
    // The log replaces subscribers to this service's own events, so these are never unroutable.
    return bound.length > 0 || ownExchanges.includes(exchange) ? 'routed' : 'unroutable';
  }

  private queuesFor(exchange: string, routingKey: string): string[] {
    return this.topology.bindings
      .filter((binding) => binding.exchange === exchange && binding.routingKey === routingKey)
      .map(({ queue }) => queue);
  }

  subscribe({ queue: name, prefetch, ...options }: SubscriptionOptions): Subscription {
    const queue = this.queues.get(name);
    if (!queue) throw new Error(`There is no queue ${name}.`);
    const unacknowledged = new Set<Queued>();
    const batches = new DeliveryBatches<{ delivery: Delivery; queued: Queued }>({
      ...options,
      queue: name,
      log: this.log,
      acknowledge: (batch) => {
        for (const { queued } of batch) unacknowledged.delete(queued);
        deliver();
      },
    });
    const deliver = () => {
      if (!queue.consumers.has(deliver)) return;
      for (const queued of queue.ready.splice(0, prefetch - unacknowledged.size)) {
        unacknowledged.add(queued);
        batches.add({ delivery: toDelivery(name, queued), queued });
      }
    };
    queue.consumers.add(deliver);
    deliver();
    return {
      blockedSeconds: () => batches.blockedSeconds(),
      stop: async () => {
        queue.consumers.delete(deliver);
        await batches.stop();
        const requeued = [...unacknowledged].map((it) => ({ ...it, deliveryCount: it.deliveryCount + 1 }));
        unacknowledged.clear();
        queue.ready.unshift(...requeued);
        queue.consumers.forEach((other) => other());
      },
    };
  }

  status(): 'ready' {
    return 'ready';
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const queue of this.queues.values()) queue.consumers.clear();
  }
}

function toDelivery(queue: string, { message, publishedAt, deliveryCount }: Queued): Delivery {
  const { exchange, routingKey, body, messageId, type, contentType, headers = {} } = message;
  return {
    exchange,
    routingKey,
    queue,
    ...boundBody(body),
    redelivered: deliveryCount > 0,
    deliveryCount,
    properties: { messageId, type, contentType, timestamp: publishedAt, headers },
  };
}
