import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import type { CommerceEvent } from '../../src/history/commerce-event';
import { createIntake } from '../../src/intake';
import { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  commerceOf,
  type ForeignMessage,
  type ForeignService,
  orderPlaced,
  paymentFailed,
  pointsEarned,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { createUser } from '../testkit/users';

const extraSchedules = 28;

let app: TestApp;
let replica: TestApp;
let others: ForeignService;
beforeAll(async () => {
  app = await startTestApp();
  replica = await startTestApp({ beside: app });
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await replica.stop();
  await app.stop();
});

/** In which order the three events come, how often each, and after how many of the deliveries the user is created. */
interface Schedule {
  deliveries: number[];
  createdAfter: number;
}

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

/** All six orders, each before and after the user exists, with one to five deliveries of each event. */
const systematic: Schedule[] = orders.flatMap((order, at) =>
  [0, 99].map((createdAfter) => ({
    deliveries: order.flatMap((event, place) => Array<number>(1 + ((at + 2 * place) % 5)).fill(event)),
    createdAfter,
  })),
);

/** Deliveries mixed at will. */
const random = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
  .map((counts) => counts.flatMap((count, event) => Array<number>(count).fill(event)))
  .chain((all) =>
    fc.record({
      deliveries: fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
      createdAfter: fc.integer({ min: 0, max: all.length }),
    }),
  );

/** Plays a schedule for a user of its own; answers the user. */
async function play({ deliveries, createdAfter }: Schedule): Promise<{ userId: string; orderId: string }> {
  const [userId, orderId] = [uuidv7(), uuidv7()];
  const events: ForeignMessage[] = [
    orderPlaced(userId, { orderId, total: { value: '19.99', currency: 'EUR' } }),
    paymentFailed(orderId),
    pointsEarned(userId, { points: 20 }),
  ];
  for (const [at, event] of deliveries.entries()) {
    if (at === createdAfter) await createUser(at % 2 === 0 ? app : replica, { userId });
    await others.publish(events[event] as ForeignMessage);
  }
  if (createdAfter >= deliveries.length) await createUser(app, { userId });
  return { userId, orderId };
}

async function expectOneEffect(userId: string): Promise<void> {
  const { history, ...summary } = await commerceOf(app, userId);
  expect(
    history.map(({ type, occurredAt }: { type: string; occurredAt: string }) => [type, occurredAt]),
  ).toEqual([
    ['LOYALTY_POINTS_EARNED', '2026-03-01T10:10:00.000Z'],
    ['PAYMENT_FAILED', '2026-03-01T10:05:00.000Z'],
    ['ORDER_PLACED', '2026-03-01T10:00:00.000Z'],
  ]);
  expect(summary).toEqual({
    orderCount: 1,
    lastOrderAt: '2026-03-01T10:00:00.000Z',
    spent: [{ amount: '19.99', currency: 'EUR' }],
    failedPaymentCount: 1,
    lastPaymentFailedAt: '2026-03-01T10:05:00.000Z',
    loyaltyPoints: 20,
  });
}

describe('events of other services', () => {
  it('have one effect in any order, however often they come, before and after their user, on two replicas', async () => {
    const seed = Date.now() % 1_000_000;
    const schedules = [...systematic, ...fc.sample(random, { numRuns: extraSchedules, seed })];
    const played: { userId: string }[] = [];
    const work = schedules.map((schedule, index) => ({ schedule, index }));
    const player = async () => {
      for (let next = work.pop(); next; next = work.pop()) played[next.index] = await play(next.schedule);
    };
    await Promise.all(Array.from({ length: 8 }, player));

    for (const [index, { userId }] of played.entries()) {
      await eventually(() => expectOneEffect(userId), { timeoutMs: 10_000 }).catch((error: Error) => {
        throw new Error(`schedule ${JSON.stringify(schedules[index])}, seed ${seed}: ${error.message}`);
      });
    }
    // What may still be under way changes nothing more.
    await eventually(async () => {
      expect(await app.sql('SELECT 1 FROM waiting_events')).toEqual([]);
    });
    for (const { userId } of played) await expectOneEffect(userId);
    expect(await app.sql('SELECT reason FROM parked_messages')).toEqual([]);
  });

  it('are summed exactly', async () => {
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

  it('of many users at once never wait for each other in a circle', async () => {
    const userIds = await Promise.all(
      Array.from({ length: 40 }, async () => (await createUser(app)).id as string),
    );
    const log = createLogger({ level: 'silent' });
    const databases = [1, 2].map(() => new Database(app.databaseUrl, log, 2));
    const event = (userId: string): CommerceEvent => ({
      type: 'OrderPlaced',
      source: '/circle',
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
      // Three and more: two that waited for the same one go on at the same time.
      // A lock that is waited for in a circle would end in a timeout, and that in an error.
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
