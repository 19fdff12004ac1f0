import { randomUUID } from 'node:crypto';
import { openDatabase } from '../src/data-source';
import { createIntake } from '../src/intake';
import type { Broker, Delivery, SubscriptionOptions } from '../src/rabbitmq/broker';
import { RabbitMqBroker } from '../src/rabbitmq/rabbitmq-broker';
import { historyQueue } from '../src/rabbitmq/topology';
import { createMetrics } from '../src/telemetry/metrics';
import {
  type ForeignMessage,
  orderPlaced,
  paymentFailed,
  pointsEarned,
} from '../test/testkit/commerce-events';
import { eventually } from '../test/testkit/eventually';
import { storeUsers } from '../test/testkit/stored-users';
import { type FoldProfile, FoldProfiler } from './fold-profile';
import { log, rate, type Stage, withChannel } from './stage';

const userCount = 2_000;
const eventCount = 10_000;
const oneByOneCount = 300;
const batchSize = 200;

/** Creates the users of the events and returns their ids. */
export async function prepareFold({ database }: Stage): Promise<string[]> {
  const ids = Array.from({ length: userCount }, () => randomUUID());
  const sql = <Row>(text: string, parameters?: unknown[]) => database.query<Row>(text, parameters);
  await storeUsers(
    { sql },
    ids.map((id) => ({ id, state: 'ACTIVE' as const })),
  );
  await database.query('VACUUM ANALYZE');
  return ids;
}

/** Returns orders, points and one failed payment in ten, cycling through the users. */
function buildMessages(userIds: readonly string[], count: number): ForeignMessage[] {
  const orders: string[] = [];
  return Array.from({ length: count }, (_, at) => {
    const userId = userIds[at % userIds.length] as string;
    const paidFor = at % 10 === 9 ? orders.at(-1) : undefined;
    if (paidFor !== undefined) return paymentFailed(paidFor);
    if (at % 3 === 2) return pointsEarned(userId);
    const orderId = randomUUID();
    orders.push(orderId);
    return orderPlaced(userId, { orderId });
  });
}

function toDelivery({ exchange, routingKey, body, properties }: ForeignMessage): Delivery {
  const { messageId, type, contentType } = properties;
  return {
    exchange,
    routingKey,
    body,
    queue: historyQueue,
    redelivered: false,
    deliveryCount: 0,
    properties: { messageId, type, contentType, headers: {} },
  };
}

async function withIntake<T>(
  { databaseUrl }: Stage,
  work: (intake: ReturnType<typeof createIntake>, folded: () => Promise<number>) => Promise<T>,
): Promise<T> {
  const database = openDatabase(databaseUrl, log, 3);
  await database.connect();
  const metrics = createMetrics();
  const folded = async () =>
    (await metrics.eventsFolded.get()).values.reduce((sum, { value }) => sum + value, 0);
  try {
    return await work(createIntake({ database, metrics, log, waitingDays: 30 }), folded);
  } finally {
    await database.close();
  }
}

/** Events a second when batches are handed to the consumer without a broker. */
export function measureFoldWithoutBroker(stage: Stage, userIds: readonly string[]): Promise<number> {
  const deliveries = buildMessages(userIds, eventCount).map(toDelivery);
  return withIntake(stage, async ({ consumer }) => {
    const startedAtMs = performance.now();
    for (let at = 0; at < deliveries.length; at += batchSize)
      await consumer.consume(deliveries.slice(at, at + batchSize));
    return rate(deliveries.length, performance.now() - startedAtMs);
  });
}

/** Events a second from the first delivery of a full queue to the last fold, as the service consumes. */
export function measureFold(stage: Stage, userIds: readonly string[]): Promise<number> {
  return measureThroughQueue(stage, buildMessages(userIds, eventCount), {});
}

const oneByOne = { prefetch: 1, batchSize: 1 };

/** Events a second through the queue, with a transaction and an acknowledgement for each message. */
export function measureFoldOneByOne(stage: Stage, userIds: readonly string[]): Promise<number> {
  return measureThroughQueue(stage, buildMessages(userIds, oneByOneCount), oneByOne);
}

/** Profiles a batch and a single message. Separate from the rates, because the profiler has a cost. */
export async function profileFolds(
  stage: Stage,
  userIds: readonly string[],
): Promise<{ batch: FoldProfile; alone: FoldProfile }> {
  const profile = async (count: number, overrides: Partial<SubscriptionOptions>) => {
    const profiler = new FoldProfiler();
    await measureThroughQueue(stage, buildMessages(userIds, count), overrides, profiler);
    return profiler.profile();
  };
  return { alone: await profile(oneByOneCount, oneByOne), batch: await profile(eventCount, {}) };
}

async function measureThroughQueue(
  stage: Stage,
  messages: readonly ForeignMessage[],
  overrides: Partial<SubscriptionOptions>,
  profiler?: FoldProfiler,
): Promise<number> {
  const broker = new RabbitMqBroker({ url: stage.amqpUrl, prefix: stage.prefix, log });
  try {
    // Declares the queue.
    await broker
      .subscribe({ queue: historyQueue, prefetch: 1, batchSize: 1, onBatch: async () => undefined })
      .stop();
    await eventually(() => {
      if (broker.status() !== 'ready') throw new Error('RabbitMQ is away');
    });
    await fill(stage, messages);
    return await withIntake(stage, async ({ consumer }, folded) => {
      await profiler?.begin(stage.database);
      let startedAtMs = 0;
      let processed = 0;
      let finish: () => void = () => undefined;
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const timed: Broker = {
        publish: (message) => broker.publish(message),
        status: () => broker.status(),
        close: () => broker.close(),
        subscribe: (options) =>
          broker.subscribe({
            ...options,
            ...overrides,
            onBatch: async (deliveries) => {
              startedAtMs ||= performance.now();
              await options.onBatch(deliveries);
              processed += deliveries.length;
              if (processed >= messages.length) finish();
            },
          }),
      };
      consumer.start(timed);
      await finished;
      const elapsedMs = performance.now() - startedAtMs;
      await profiler?.end(stage.database, messages.length);
      await consumer.stop();
      // A payment that overtakes its order in the other batch counts as waiting, and again when it is folded.
      if ((await folded()) < messages.length) throw new Error('not every event was folded');
      return rate(messages.length, elapsedMs);
    });
  } finally {
    await broker.close();
  }
}

async function fill({ amqpUrl, prefix }: Stage, messages: readonly ForeignMessage[]): Promise<void> {
  await withChannel(amqpUrl, async (channel) => {
    for (const { exchange, routingKey, body, properties } of messages)
      channel.publish(`${prefix}${exchange}`, routingKey, body, { ...properties, persistent: true });
    await channel.waitForConfirms();
  });
}
