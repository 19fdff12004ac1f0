import { openDatabase } from '../src/data-source';
import { toMessage } from '../src/outbox/cloud-event';
import { laneCount } from '../src/outbox/outbox';
import { OutboxRelay } from '../src/outbox/outbox.relay';
import { findPending } from '../src/outbox/pending-events.repository';
import type { Database } from '../src/postgres/database';
import { RabbitMqBroker } from '../src/rabbitmq/rabbitmq-broker';
import { eventually } from '../test/testkit/eventually';
import { log, rate, type Stage } from './stage';

const backlog = Number(process.env['BENCH_BACKLOG'] ?? 10_000);
const oneByOneBacklog = 400;

/** Commits a backlog of events, five of each user. */
async function fillOutbox({ database }: Stage, count: number): Promise<void> {
  await database.query('TRUNCATE outbox_events');
  await database.query(
    `INSERT INTO outbox_events (id, lane, user_id, version, type, data, occurred_at)
     SELECT gen_random_uuid(), abs(hashtext(user_id::text)) % $2, user_id, version, 'UserUpdated',
       jsonb_build_object('userId', user_id, 'updatedAt', now(), 'changedFields', '["firstName", "address"]'::jsonb),
       now()
     FROM (SELECT gen_random_uuid() AS user_id FROM generate_series(1, $1 / 5)) AS users, generate_series(1, 5) AS version
     ORDER BY version`,
    [count, laneCount],
  );
  await database.query('VACUUM ANALYZE outbox_events');
}

async function withBroker<T>(
  { databaseUrl, amqpUrl, prefix }: Stage,
  poolSize: number,
  work: (broker: RabbitMqBroker, database: Database) => Promise<T>,
): Promise<T> {
  const broker = new RabbitMqBroker({ url: amqpUrl, prefix, log });
  const database = openDatabase(databaseUrl, log, poolSize);
  await database.connect();
  await eventually(() => {
    if (broker.status() !== 'ready') throw new Error('RabbitMQ is away');
  });
  try {
    return await work(broker, database);
  } finally {
    await broker.close();
    await database.close();
  }
}

/** Events a second that the relay publishes from a backlog. */
export async function measureRelay(stage: Stage): Promise<number> {
  await fillOutbox(stage, backlog);
  return withBroker(stage, 6, async (broker, database) => {
    let published = 0;
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const relay = new OutboxRelay({
      database,
      broker,
      profile: 'full',
      log,
      metrics: {
        eventsPublished: {
          inc: ({ outcome }) => {
            if (outcome === 'routed') published += 1;
            if (published === backlog) finish();
          },
        },
        eventsPublishDelay: { observe: () => undefined },
      },
    });
    const startedAtMs = performance.now();
    relay.start();
    await finished;
    await eventually(
      async () => {
        if ((await relay.backlog()).count > 0) throw new Error('events wait');
      },
      { intervalMs: 5 },
    );
    const elapsedMs = performance.now() - startedAtMs;
    await relay.stop();
    return rate(backlog, elapsedMs);
  });
}

/** Events a second when each is read, published, confirmed and marked before the next. */
export async function measureOneByOne(stage: Stage): Promise<number> {
  await fillOutbox(stage, oneByOneBacklog);
  return withBroker(stage, 1, async (broker, database) => {
    let count = 0;
    const startedAtMs = performance.now();
    for (let lane = 0; lane < laneCount; ) {
      const found = await database.transaction(async (tx) => {
        const [event] = await findPending(tx, { lanes: [lane], limitPerLane: 1, heldBack: [] });
        if (!event) return false;
        await broker.publish(toMessage(event));
        await tx.manager.query('UPDATE outbox_events SET published_at = now() WHERE id = $1', [event.id]);
        return true;
      });
      if (found) count += 1;
      else lane += 1;
    }
    return rate(count, performance.now() - startedAtMs);
  });
}
