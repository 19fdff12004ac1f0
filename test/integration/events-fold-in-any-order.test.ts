import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import type { CommerceEvent } from '../../src/commerce/commerce-event';
import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  commerceOf,
  commerceOfMany,
  type ForeignService,
  orderPlaced,
  pointsEarned,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import {
  anySchedule,
  earlyEventsOf,
  entryCountOf,
  expectedOf,
  messagesOf,
  type Play,
  type Schedule,
  systematicSchedules,
  toPlay,
} from '../testkit/fold-schedules';
import { storeUsers } from '../testkit/stored-users';
import { buildUser, createUser, tryMutation } from '../testkit/users';

/** `npm run faults:folds` plays 1,000. */
const randomSchedules = Number(process.env['FOLD_SCHEDULES'] ?? 300);
const shrinkTries = 5;
const shrinkLimitMs = 30_000;

let app: TestApp;
let others: ForeignService;
beforeAll(async () => {
  app = await startTestApp();
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await app.stop();
});

/**
 * Plays schedules concurrently on two replicas, each for a user of its own, until every delivery is processed. Returns
 * for each schedule how its user differs from the pure model, or null.
 *
 * @param lasting the second replica, which keeps running afterwards; defaults to a new one that is stopped
 */
async function play(schedules: readonly Schedule[], lasting?: TestApp): Promise<(string | null)[]> {
  const plays = schedules.map(toPlay);
  const replica = lasting ?? (await startTestApp({ replicaOf: app }));
  try {
    await others.publish(...messagesOf(plays, 'before'));
    for (const processedFirst of [false, true]) {
      const next = plays.filter(({ schedule }) => schedule.processedFirst === processedFirst);
      if (processedFirst) await eventuallyOrTimeout(() => expectAllWaiting(next), next);
      await createUsers(next, replica);
      await others.publish(...messagesOf(next, 'after'));
    }
    await eventuallyOrTimeout(() => expectAllFolded(plays), plays);
  } finally {
    // Stopping finishes its batch. RabbitMQ requeues its other deliveries ahead of events published later.
    if (!lasting) await replica.stop();
  }
  const userId = uuidv7();
  await storeUsers(app, [{ id: userId, state: 'ACTIVE' }]);
  const last = pointsEarned(userId);
  await others.publish(last);
  await eventuallyOrTimeout(async () => {
    const { messageId } = last.properties;
    expect(await app.sql('SELECT 1 FROM user_history WHERE event_id = $1', [messageId])).toHaveLength(1);
  }, plays);
  const userIds = plays.map((it) => it.userId);
  const found = await eventually(() => commerceOfMany(app, userIds), { timeoutMs: patienceMs(plays) });
  return plays.map((it, at) => differenceOf(found[at], it));
}

/** Polls for an expectation, and returns after the timeout too: the caller compares the result later. */
async function eventuallyOrTimeout(expectation: () => Promise<void>, plays: readonly Play[]): Promise<void> {
  await eventually(expectation, { timeoutMs: patienceMs(plays), intervalMs: 250 }).catch(() => undefined);
}

function patienceMs(plays: readonly Play[]): number {
  return 5_000 + 50 * plays.length;
}

/** Asserts that every event that arrived before its user waits for it. */
async function expectAllWaiting(plays: readonly Play[]): Promise<void> {
  const early = earlyEventsOf(plays);
  const waiting = await app.sql('SELECT 1 FROM waiting_events WHERE event_id = ANY($1)', [early]);
  expect(waiting).toHaveLength(early.length);
}

async function expectAllFolded(plays: readonly Play[]): Promise<void> {
  const ids = plays.flatMap(({ events }) => events.map(({ eventId }) => eventId));
  expect(await app.sql('SELECT 1 FROM user_history WHERE event_id = ANY($1)', [ids])).toHaveLength(
    plays.reduce((sum, it) => sum + entryCountOf(it), 0),
  );
}

async function createUsers(plays: readonly Play[], replica: TestApp): Promise<void> {
  const elsewhere = plays.filter(({ schedule }) => schedule.createdBy === 'another replica');
  await storeUsers(
    app,
    elsewhere.map(({ userId }) => ({ id: userId, state: 'ACTIVE' as const })),
  );
  const left = plays.filter((it) => !elsewhere.includes(it)).map(({ userId }) => userId);
  const client = async (target: TestApp) => {
    for (let userId = left.pop(); userId; userId = left.pop()) await createUserWithRetry(target, userId);
  };
  await Promise.all([app, replica, app, replica].map(client));
}

/** Retries until the user is stored: on a busy machine a request may time out. */
async function createUserWithRetry(target: TestApp, userId: string): Promise<void> {
  await eventually(
    async () => {
      await tryMutation(target, 'createUser', buildUser({ userId }));
      expect(await app.sql('SELECT 1 FROM users WHERE id = $1', [userId])).toHaveLength(1);
    },
    { timeoutMs: 30_000 },
  );
}

function differenceOf(found: any, expected: Play): string | null {
  // Only `late` may depend on the order.
  const entries: Record<string, any>[] = found.history.map(
    ({ late: _late, ...entry }: Record<string, unknown>) => entry,
  );
  const [cancellations, history] = [
    entries.filter(({ type }) => type === 'ORDER_CANCELLED'),
    entries.filter(({ type }) => type !== 'ORDER_CANCELLED'),
  ];
  const cancelledOrders = cancellations.map(({ data }) => String(data.orderId)).sort();
  try {
    expect({ ...found, history, cancelledOrders }).toEqual(expectedOf(expected));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Plays a failed schedule alone, then smaller ones of its kind, and fails with the smallest. */
async function shrink(seed: number, path: string): Promise<void> {
  const replica = await startTestApp({ replicaOf: app });
  const property = fc.asyncProperty(anySchedule, async (schedule) => {
    const [difference] = await play([schedule], replica);
    if (difference) throw new Error(difference);
  });
  try {
    await fc.assert(property, { seed, path, numRuns: 1, interruptAfterTimeLimit: shrinkLimitMs });
  } finally {
    await replica.stop();
  }
}

describe('events of other services', () => {
  it('have one effect in any order, with duplicates, before and after their user, on two replicas', async () => {
    const seed = Date.now() % 1_000_000;
    const schedules = [...fc.sample(anySchedule, { numRuns: randomSchedules, seed }), ...systematicSchedules];
    const differences = await play(schedules);

    const wrong = [...differences.keys()].filter((at) => differences[at] !== null);
    // A schedule that fails among others may pass alone.
    for (const at of wrong.slice(0, shrinkTries)) if (at < randomSchedules) await shrink(seed, String(at));
    const described = wrong.map((at) => `${JSON.stringify(schedules[at])}: ${differences[at]}`);
    if (wrong.length > 0)
      throw new Error(`seed ${seed}: ${wrong.length} schedules failed, first ${described[0]}`);
    expect(await app.sql('SELECT 1 FROM waiting_events')).toEqual([]);
    expect(await app.sql('SELECT reason FROM parked_messages')).toEqual([]);
  }, 300_000);

  it('have totals that are summed exactly', async () => {
    const { id } = await createUser(app);
    const totals = [
      { value: 0.1, currency: 'EUR' },
      { value: 0.2, currency: 'EUR' },
      { value: '100000000000000.0001', currency: 'USD' },
      { value: '0.0002', currency: 'USD' },
      { value: 100, currency: 'CHF' },
    ];
    await others.publish(...totals.map((total) => orderPlaced(id, { total })));
    await eventually(async () => {
      expect((await commerceOf(app, id)).spent).toEqual([
        { amount: '100', currency: 'CHF' },
        { amount: '0.3', currency: 'EUR' },
        { amount: '100000000000000.0003', currency: 'USD' },
      ]);
    });
  });

  it('are folded for many users in concurrent batches without deadlocks', async () => {
    const userIds = Array.from({ length: 40 }, () => uuidv7());
    await storeUsers(
      app,
      userIds.map((id) => ({ id, state: 'ACTIVE' as const })),
    );
    const log = createLogger({ level: 'silent' });
    const databases = [1, 2].map(() => openDatabase(app.databaseUrl, log, 2));
    const event = (userId: string): CommerceEvent => ({
      type: 'OrderPlaced',
      source: '/deadlock',
      eventId: uuidv7(),
      occurredAt: new Date(),
      orderId: uuidv7(),
      userId,
      total: { amount: '1', currency: 'EUR' },
      itemCount: null,
    });
    try {
      await Promise.all(databases.map((database) => database.connect()));
      const folds = databases.map(
        (database) => createIntake({ database, metrics: createMetrics(), log, waitingDays: 30 }).fold,
      );
      const batches = fc.sample(fc.shuffledSubarray(userIds, { minLength: userIds.length }), 60);
      // More than two concurrent batches, so that two can wait for the same lock and continue together.
      // A deadlock would fail the fold with an error.
      await Promise.all(
        [...folds, ...folds].map(async (fold, at) => {
          const own = batches.filter((_batch, index) => index % 4 === at);
          for (const batch of own) await fold.fold(batch.map(event));
        }),
      );
      const counts = await app.sql('SELECT DISTINCT order_count FROM user_commerce WHERE user_id = ANY($1)', [
        userIds,
      ]);
      expect(counts).toEqual([{ order_count: 60 }]);
    } finally {
      await Promise.all(databases.map((database) => database.close()));
    }
  });
});
