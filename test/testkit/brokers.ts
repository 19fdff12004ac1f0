import { randomBytes } from 'node:crypto';
import { connect } from 'amqplib';
import type { Broker, Delivery, OutgoingMessage, SubscriptionOptions } from '../../src/rabbitmq/broker';
import { RabbitMqBroker } from '../../src/rabbitmq/rabbitmq-broker';
import { historyQueue } from '../../src/rabbitmq/topology';
import { createLogger, type Logger } from '../../src/telemetry/logger';
import { eventually } from './eventually';
import { newAmqpPrefix } from './test-run';

/** A broker on RabbitMQ with its own name prefix. */
export interface TestBroker {
  readonly broker: RabbitMqBroker;
  readonly prefix: string;
  readonly log: Logger;
  /** The log lines so far, parsed. */
  readonly logged: Record<string, unknown>[];
}

export interface TestBrokerOptions {
  /** For example of a proxy. */
  url?: string;
  /** The prefix of another broker, to share its exchanges and queues. */
  prefix?: string;
  confirmTimeoutMs?: number;
}

/** Opens a broker without waiting for its connection; see `isReady`. */
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

/** A message to the history queue, with a new id. */
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

/** A consumer that records its batches. */
export interface Recorder {
  readonly batches: Delivery[][];
  /** The message ids in order of arrival, redeliveries included. */
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

/** Runs `work` on a confirm channel of its own and closes the connection. */
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
