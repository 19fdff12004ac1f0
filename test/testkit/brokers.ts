import { randomBytes } from 'node:crypto';
import { connect } from 'amqplib';
import type { Broker, Delivery, OutgoingMessage, SubscriptionOptions } from '../../src/rabbitmq/broker';
import { RabbitMqBroker } from '../../src/rabbitmq/rabbitmq-broker';
import { historyQueue } from '../../src/rabbitmq/topology';
import { createLogger, type Logger } from '../../src/telemetry/logger';
import { eventually } from './eventually';
import { newAmqpPrefix } from './test-run';

/** A broker on RabbitMQ with names of its own. */
export interface TestBroker {
  readonly broker: RabbitMqBroker;
  readonly prefix: string;
  readonly log: Logger;
  /** Log lines so far, parsed. */
  readonly logged: Record<string, unknown>[];
}

export interface TestBrokerOptions {
  /** By way of a proxy, for example. */
  url?: string;
  /** Another broker's, to meet it. */
  prefix?: string;
  confirmTimeoutMs?: number;
}

/** A RabbitMQ broker that may not be there yet. */
export function openTestBroker({ url, prefix, confirmTimeoutMs }: TestBrokerOptions = {}): TestBroker {
  const logged: Record<string, unknown>[] = [];
  const log = createLogger({
    level: 'debug',
    destination: { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const names = prefix ?? newAmqpPrefix();
  const broker = new RabbitMqBroker({
    url: url ?? rabbitMqUrl(),
    prefix: names,
    log,
    ...(confirmTimeoutMs === undefined ? {} : { confirmTimeoutMs }),
  });
  return { broker, prefix: names, log, logged };
}

export const rabbitMqUrl = (): string => process.env['TEST_AMQP_URL'] ?? '';

export const isReady = (broker: Broker): Promise<void> =>
  eventually(() => expect(broker.status()).toBe('ready'), { timeoutMs: 10_000, intervalMs: 5 });

/** A message to the history queue, with an id of its own. */
export function orderPlaced(messageId = randomBytes(6).toString('hex')): OutgoingMessage {
  return {
    exchange: 'order.events',
    routingKey: 'order.placed',
    messageId,
    type: 'OrderPlaced',
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify({ messageId })),
    headers: { 'ce-source': '/orders' },
  };
}

/** A consumer that remembers what it got; `fail` decides which batches are refused. */
export interface Recorder {
  readonly batches: Delivery[][];
  /** The message ids in the order of arrival, every delivery. */
  ids(): (string | undefined)[];
  stop(): Promise<void>;
}

export function record(
  broker: Broker,
  onBatch: (deliveries: Delivery[]) => Promise<void> = async () => undefined,
  options: Partial<SubscriptionOptions> = {},
): Recorder {
  const batches: Delivery[][] = [];
  const subscription = broker.subscribe({
    queue: historyQueue,
    prefetch: 10,
    batchSize: 5,
    ...options,
    onBatch: (deliveries) => {
      batches.push(deliveries);
      return onBatch(deliveries);
    },
  });
  return {
    batches,
    ids: () => batches.flat().map(({ properties }) => properties.messageId),
    stop: () => subscription.stop(),
  };
}

/** Does something to RabbitMQ past the service. */
export async function withRabbitMq<T>(
  work: (
    channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>,
  ) => Promise<T>,
): Promise<T> {
  const connection = await connect(rabbitMqUrl());
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    return await work(channel);
  } finally {
    await connection.close();
  }
}
