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
import { DeliveryBatches } from './delivery-batches';
import type { StreamFile } from './stream-file';
import { erasuresStream, ownExchanges, queueExchange, type Topology } from './topology';

/** One message of a queue, and how often it was delivered before. */
interface Queued {
  readonly message: OutgoingMessage;
  readonly publishedAt: Date;
  readonly deliveryCount: number;
}

/** A queue: what waits in it, and who takes from it. */
interface Queue {
  ready: Queued[];
  readonly takers: Set<() => void>;
}

/**
 * A broker in this process, for a service that runs without RabbitMQ: the same routing and the same deliveries
 * until they are acknowledged, but nothing survives the process, except for the erasures, which go into a file.
 * What is published is logged by type and id.
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
    this.queues = new Map(consumed.map(({ name }) => [name, { ready: [], takers: new Set() }]));
  }

  async publish(message: OutgoingMessage): Promise<PublishOutcome> {
    const { exchange, routingKey, messageId, type } = message;
    if (this.closed) throw new BrokerUnavailableError('the broker was closed');
    if (exchange !== queueExchange && !this.topology.exchanges.includes(exchange))
      throw new Error(`there is no exchange ${exchange}`);
    this.log.info({ exchange, routingKey, messageId, type }, 'event');
    const bound = exchange === queueExchange ? [routingKey] : this.queuesFor(exchange, routingKey);
    if (bound.includes(erasuresStream)) await this.erasures.append(message.body);
    for (const name of bound) {
      const queue = this.queues.get(name);
      queue?.ready.push({ message, publishedAt: new Date(), deliveryCount: 0 });
      queue?.takers.forEach((take) => take());
    }
    // Whoever reads the log is who listens to this service's own events here.
    return bound.length > 0 || ownExchanges.includes(exchange) ? 'routed' : 'unroutable';
  }

  private queuesFor(exchange: string, routingKey: string): string[] {
    return this.topology.bindings
      .filter((binding) => binding.exchange === exchange && binding.routingKey === routingKey)
      .map(({ queue }) => queue);
  }

  subscribe({ queue: name, prefetch, batchSize, onBatch }: SubscriptionOptions): Subscription {
    const queue = this.queues.get(name);
    if (!queue) throw new Error(`there is no queue ${name}`);
    const unanswered = new Set<Queued>();
    const batches = new DeliveryBatches<{ delivery: Delivery; queued: Queued }>({
      queue: name,
      batchSize,
      onBatch,
      log: this.log,
      acknowledge: (batch) => {
        for (const { queued } of batch) unanswered.delete(queued);
        take();
      },
    });
    const take = () => {
      if (!queue.takers.has(take)) return;
      for (const queued of queue.ready.splice(0, prefetch - unanswered.size)) {
        unanswered.add(queued);
        batches.add({ delivery: toDelivery(name, queued), queued });
      }
    };
    queue.takers.add(take);
    take();
    return {
      stop: async () => {
        queue.takers.delete(take);
        await batches.stop();
        const again = [...unanswered].map((it) => ({ ...it, deliveryCount: it.deliveryCount + 1 }));
        unanswered.clear();
        queue.ready.unshift(...again);
        queue.takers.forEach((other) => other());
      },
    };
  }

  status(): 'ready' {
    return 'ready';
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const queue of this.queues.values()) queue.takers.clear();
  }
}

function toDelivery(queue: string, { message, publishedAt, deliveryCount }: Queued): Delivery {
  const { exchange, routingKey, body, messageId, type, contentType, headers = {} } = message;
  return {
    exchange,
    routingKey,
    queue,
    body,
    redelivered: deliveryCount > 0,
    deliveryCount,
    properties: { messageId, type, contentType, timestamp: publishedAt, headers },
  };
}
