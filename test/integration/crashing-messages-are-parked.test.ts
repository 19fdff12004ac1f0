import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { CommerceFold } from '../../src/commerce/commerce-fold';
import { HistoryConsumer } from '../../src/consumers/history.consumer';
import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import { DeliveryAttemptsRepository } from '../../src/parked/delivery-attempts.repository';
import { fingerprintOf } from '../../src/parked/wire-message';
import { DatabaseUnavailableError } from '../../src/postgres/database-unavailable';
import type { Delivery } from '../../src/rabbitmq/broker';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import { builtProgram } from '../testkit/built-checkout';
import {
  commerceOf,
  type ForeignMessage,
  type ForeignService,
  orderPlaced,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { lockTable } from '../testkit/locked-table';
import { createUser } from '../testkit/users';

let app: TestApp;
let others: ForeignService;
beforeAll(async () => {
  app = await startTestApp({ config: { amqpUrl: null } });
  // Binds the queue, so that what is published before the consumer runs is not lost.
  const replica = await startTestApp({ replicaOf: app });
  others = await startForeignService(replica);
  await replica.stop();
});
beforeEach(async () => {
  await app.sql('DELETE FROM parked_messages');
});
afterAll(async () => {
  await others.close();
  await app.stop();
});

/** Starts consumer processes until `done` passes with one alive. Returns how many died, and how to end the last. */
async function consumeUntil(
  done: () => Promise<void>,
): Promise<{ deaths: number; end: () => Promise<void> }> {
  for (let deaths = 0; ; deaths += 1) {
    const child = fork(
      builtProgram('crashing-consumer-process'),
      [app.databaseUrl, process.env['TEST_AMQP_URL'] ?? '', app.amqpPrefix],
      { execArgv: [] },
    );
    const died = once(child, 'exit').then(() => 'died' as const);
    const end = async () => {
      if (child.connected) child.disconnect();
      await died;
    };
    try {
      const outcome = await Promise.race([died, eventually(done, { timeoutMs: 15_000 })]);
      if (outcome !== 'died') return { deaths, end };
    } catch (error) {
      await end();
      throw error;
    }
  }
}

/** A redelivery of the message. */
function redelivered({ exchange, routingKey, body, properties }: ForeignMessage): Delivery {
  const { messageId, type, contentType } = properties;
  const shown = { messageId, type, contentType, headers: {} };
  return { exchange, routingKey, queue: 'any', body, redelivered: true, deliveryCount: 2, properties: shown };
}

/** Runs `work` with a consumer that has its own connection. */
async function withConsumer(
  work: (
    consumer: HistoryConsumer,
    attempts: DeliveryAttemptsRepository,
    fold: CommerceFold,
  ) => Promise<void>,
): Promise<void> {
  const log = createLogger({ level: 'silent' });
  const database = openDatabase(app.databaseUrl, log, 2);
  await database.connect();
  try {
    const metrics = createMetrics();
    const attempts = new DeliveryAttemptsRepository(database);
    const { fold, activity, parked } = createIntake({ database, metrics, log, waitingDays: 30 });
    await work(new HistoryConsumer({ fold, activity, parked, attempts, metrics }), attempts, fold);
  } finally {
    await database.close();
  }
}

/** The number of attempts alone after which the next one parks the message. */
const attemptsBeforeParking = 2;

describe('a message whose process ended during an attempt', () => {
  it('is not suspected for failures of PostgreSQL', async () => {
    const { id } = await createUser(app);
    await withConsumer(async (consumer, attempts, fold) => {
      const foldAll = fold.fold.bind(fold);
      let failures = 5;
      fold.fold = (events) => {
        if (events.length > 0 && failures-- > 0) return Promise.reject(new DatabaseUnavailableError());
        return foldAll(events);
      };
      const delivery = redelivered(orderPlaced(id));
      await attempts.beginAlone(fingerprintOf(delivery));
      for (let given = 0; given < 5; given += 1) {
        await expect(consumer.consume([delivery])).rejects.toThrow(DatabaseUnavailableError);
      }
      await consumer.consume([delivery]);
      expect((await commerceOf(app, id)).orderCount).toBe(1);
      expect(await app.sql('SELECT 1 FROM delivery_attempts')).toEqual([]);
    });
  });

  it('is parked after crashes of another process, also if this one folded it before', async () => {
    const { id } = await createUser(app);
    const delivery = redelivered(orderPlaced(id));
    const fingerprint = fingerprintOf(delivery);
    await withConsumer(async (consumer, attempts, fold) => {
      await consumer.consume([delivery]);
      for (let tries = 0; tries < attemptsBeforeParking; tries += 1) await attempts.beginAlone(fingerprint);
      fold.countIfDuplicate = async () => false;
      await consumer.consume([delivery]);
    });
    expect(
      await app.sql('SELECT reason, attempts FROM parked_messages WHERE fingerprint = $1', [fingerprint]),
    ).toEqual([{ reason: 'CRASHED', attempts: 3 }]);
  });

  it('is acknowledged only after it is parked', async () => {
    await withConsumer(async (consumer) => {
      const lock = await lockTable(app.databaseUrl, 'parked_messages');
      let isAcknowledged = false;
      const consumed = consumer.consume([redelivered(orderPlaced('no-uuid'))]).then(() => {
        isAcknowledged = true;
      });
      await lock.untilWaiting(1);
      expect(isAcknowledged).toBe(false);
      await lock.release();
      await consumed;
    });
  });

  it.each([
    ['is folded already', () => createUser(app).then(({ id }) => id), [{ known: 1 }]],
    ['waits for its user', async () => randomUUID(), [{ known: 0 }]],
  ])('is a duplicate and not parked when its event %s', async (_what, findUser, expected) => {
    const userId = await findUser();
    const delivery = redelivered(orderPlaced(userId));
    const fingerprint = fingerprintOf(delivery);
    await withConsumer(async (consumer, attempts) => {
      await consumer.consume([{ ...delivery, redelivered: false }]);
      // Killed repeatedly between the commit and the acknowledgement.
      for (let tries = 0; tries < attemptsBeforeParking; tries += 1) await attempts.beginAlone(fingerprint);
      await consumer.consume([delivery]);
    });
    expect(await app.sql('SELECT 1 FROM parked_messages WHERE fingerprint = $1', [fingerprint])).toEqual([]);
    expect(await app.sql('SELECT 1 FROM delivery_attempts')).toEqual([]);
    expect(
      await app.sql('SELECT count(*)::int AS known FROM user_history WHERE user_id = $1 AND event_id = $2', [
        userId,
        delivery.properties.messageId,
      ]),
    ).toEqual(expected);
  });

  it('is parked unread when reading it ended the process, too', async () => {
    const { id } = await createUser(app);
    const delivery = redelivered(orderPlaced(id));
    const fingerprint = fingerprintOf(delivery);
    await withConsumer(async (consumer, attempts, fold) => {
      for (let tries = 0; tries <= attemptsBeforeParking; tries += 1) await attempts.beginAlone(fingerprint);
      fold.countIfDuplicate = () => Promise.reject(new Error('read again'));
      await consumer.consume([delivery]);
    });
    expect(
      await app.sql('SELECT reason, attempts FROM parked_messages WHERE fingerprint = $1', [fingerprint]),
    ).toEqual([{ reason: 'CRASHED', attempts: 4 }]);
  });
});

describe('a message that ends the process', () => {
  it('is parked at its third attempt alone, and all other messages are folded', async () => {
    const { id } = await createUser(app);
    const crashing = orderPlaced(id, { total: { value: 666, currency: 'EUR' } });
    const harmless = () => Array.from({ length: 20 }, () => orderPlaced(id));
    await others.publish(...harmless(), crashing, ...harmless());

    const parked = () => app.sql('SELECT reason, attempts, event_id, body FROM parked_messages');
    const { deaths, end } = await consumeUntil(async () => {
      expect((await commerceOf(app, id)).orderCount).toBe(40);
      expect(await parked()).toHaveLength(1);
    });
    try {
      // Twice alone, and before that at most twice in a batch: it may be the only message of its first batches.
      expect(deaths).toBeGreaterThanOrEqual(2);
      expect(deaths).toBeLessThanOrEqual(4);
      expect(await parked()).toEqual([
        { reason: 'CRASHED', attempts: 3, event_id: crashing.properties.messageId, body: crashing.body },
      ]);
      await eventually(async () => {
        expect(await app.sql('SELECT 1 FROM delivery_attempts')).toEqual([]);
      });
    } finally {
      await end();
    }
  }, 60_000);
});
