import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import type { Database } from '../../src/postgres/database';
import { DatabaseUnavailableError } from '../../src/postgres/database-unavailable';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  commerceOf,
  type ForeignService,
  orderPlaced,
  paymentFailed,
  pointsEarned,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { createUser, mutate } from '../testkit/users';

const metrics = createMetrics();
let app: TestApp;
let others: ForeignService;
let database: Database;
let fold: ReturnType<typeof createIntake>['fold'];
beforeAll(async () => {
  app = await startTestApp();
  const log = createLogger({ level: 'silent' });
  database = openDatabase(app.databaseUrl, log, 1);
  await database.connect();
  ({ fold } = createIntake({ database, metrics, log, waitingDays: 30 }));
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await database.close();
  await app.stop();
});

/** An order of the user for the fold. */
const order = (userId: string, at: string) => ({
  type: 'OrderPlaced' as const,
  source: '/order.events',
  eventId: uuidv7(),
  occurredAt: new Date(at),
  orderId: uuidv7(),
  userId,
  total: { amount: '1', currency: 'EUR' },
  itemCount: null,
});

describe('folded events', () => {
  it('create history entries with source and event id, and a summary', async () => {
    const { id } = await createUser(app);
    const orderId = uuidv7();
    const placed = orderPlaced(id, {
      orderId,
      total: { value: '59.90', currency: 'EUR' },
      items: [{}, {}, {}],
    });
    const payment = paymentFailed(orderId, { amount: { value: 59.9, currency: 'EUR' } });
    // Batches are folded concurrently, so the order is folded first for certain only alone.
    await others.publish(placed);
    await eventually(async () => expect((await commerceOf(app, id)).history).toHaveLength(1));
    await others.publish(payment, pointsEarned(id, { points: 60, orderId, reason: 'PURCHASE' }));
    await eventually(async () => expect((await commerceOf(app, id)).history).toHaveLength(3));
    const { history, ...summary } = await commerceOf(app, id);
    expect(summary).toEqual({
      orderCount: 1,
      lastOrderAt: '2026-03-01T10:00:00.000Z',
      spent: [{ amount: '59.9', currency: 'EUR' }],
      cancelledOrderCount: 0,
      failedPaymentCount: 1,
      lastPaymentFailedAt: '2026-03-01T10:05:00.000Z',
      loyaltyPoints: 60,
    });
    expect(history).toEqual([
      expect.objectContaining({
        type: 'LOYALTY_POINTS_EARNED',
        summary: '60 loyalty points were earned.',
        data: { points: 60, orderId, reason: 'PURCHASE' },
      }),
      expect.objectContaining({
        type: 'PAYMENT_FAILED',
        summary: 'A payment of 59.9 EUR failed: CARD_DECLINED.',
        data: {
          paymentId: expect.any(String),
          orderId,
          errorCode: 'CARD_DECLINED',
          errorMessage: 'The card was declined.',
          amount: { amount: '59.9', currency: 'EUR' },
        },
      }),
      {
        type: 'ORDER_PLACED',
        occurredAt: '2026-03-01T10:00:00.000Z',
        source: '/order.events',
        eventId: placed.properties.messageId,
        late: false,
        summary: 'An order was placed: 59.9 EUR, 3 items.',
        data: { orderId, total: { amount: '59.9', currency: 'EUR' }, itemCount: 3 },
      },
    ]);
  });

  it('are marked late when a later event was folded before', async () => {
    const { id } = await createUser(app);
    const at = (hour: number) => ({ placedAt: `2026-05-01T0${hour}:00:00Z` });
    const late = async () => {
      const { history } = await commerceOf(app, id);
      return Object.fromEntries(
        history.map((it: { occurredAt: string; late: boolean }) => [it.occurredAt.slice(12, 13), it.late]),
      );
    };
    await others.publish(orderPlaced(id, at(3)));
    await eventually(async () => expect(await late()).toEqual({ 3: false }));
    // Batches are folded concurrently, so the later event is folded first for certain only alone.
    await others.publish(orderPlaced(id, at(5)));
    await eventually(async () => expect(await late()).toEqual({ 3: false, 5: false }));
    await others.publish(orderPlaced(id, at(4)));
    await eventually(async () => expect(await late()).toEqual({ 3: false, 4: true, 5: false }));
    await others.publish(orderPlaced(id, at(1)));
    await eventually(async () => expect(await late()).toMatchObject({ 1: true }));
    await others.publish(orderPlaced(id, at(9)));
    await eventually(async () =>
      expect(await late()).toEqual({ 1: true, 3: false, 4: true, 5: false, 9: false }),
    );
  });

  it('are not counted as late by a transaction that is rolled back', async () => {
    const { id } = await createUser(app);
    const late = async () =>
      (await metrics.eventsLate.get()).values.reduce((sum, { value }) => sum + value, 0);
    const before = await late();
    const events = [order(id, '2026-03-02T10:00:00Z'), order(id, '2026-03-01T10:00:00Z')];
    const failing = fold.fold(events, () => Promise.reject(new DatabaseUnavailableError()));
    await expect(failing).rejects.toThrow(DatabaseUnavailableError);
    expect(await late()).toBe(before);
    await fold.fold(events);
    expect(await late()).toBe(before + 1);
  });

  it('are not late when they happened at the same instant as the latest entry', async () => {
    const { id } = await createUser(app);
    const at = { placedAt: '2026-05-01T03:00:00Z' };
    await others.publish(orderPlaced(id, at), orderPlaced(id, at));
    await eventually(async () => expect((await commerceOf(app, id)).history).toHaveLength(2));
    await others.publish(orderPlaced(id, at));
    await eventually(async () => expect((await commerceOf(app, id)).history).toHaveLength(3));
    const { history } = await commerceOf(app, id);
    expect(history.map((it: { late: boolean }) => it.late)).toEqual([false, false, false]);
  });

  it('are late within a batch when they happened before an earlier event of the batch', async () => {
    const { id } = await createUser(app);
    const hours = [6, 2, 4, 7];
    expect(await fold.fold(hours.map((hour) => order(id, `2026-05-01T0${hour}:00:00Z`)))).toEqual(
      hours.map(() => 'folded'),
    );
    const { history } = await commerceOf(app, id);
    expect(history.map((it: { late: boolean }) => it.late)).toEqual([false, false, true, true]);
  });

  it('are measured by their delay once, not when they are delivered again or wait', async () => {
    const { id } = await createUser(app);
    const count = async () => {
      const { values } = await metrics.eventsFoldDelay.get();
      return values.find(({ metricName }) => metricName?.endsWith('_count'))?.value ?? 0;
    };
    const before = await count();
    const folded = order(id, new Date().toISOString());
    expect(await fold.fold([folded, { ...folded }, order(uuidv7(), new Date().toISOString())])).toEqual([
      'folded',
      'duplicate',
      'waiting',
    ]);
    expect(await fold.fold([folded])).toEqual(['duplicate']);
    expect(await count()).toBe(before + 1);
    await app.sql('DELETE FROM waiting_events');
  });

  it('are shown with the time of their arrival, and totals ordered by currency', async () => {
    const { id } = await createUser(app);
    const startedAt = Date.now();
    for (const currency of ['USD', 'CHF', 'EUR'])
      await others.publish(orderPlaced(id, { total: { value: '1', currency } }));
    await eventually(async () => expect(await commerceOf(app, id)).toMatchObject({ orderCount: 3 }));
    const { spent } = await commerceOf(app, id);
    expect(spent.map(({ currency }: { currency: string }) => currency)).toEqual(['CHF', 'EUR', 'USD']);
    const { data } = await app.graphql(
      'query ($id: ID!) { user(id: $id) { history(types: [ORDER_PLACED]) { nodes { occurredAt recordedAt } } } }',
      { id },
      { token: app.staff },
    );
    for (const { occurredAt, recordedAt } of data.user.history.nodes) {
      expect(occurredAt).toBe('2026-03-01T10:00:00.000Z');
      expect(Date.parse(recordedAt)).toBeGreaterThanOrEqual(startedAt - 1_000);
    }
  });

  it('are known when they are in a history, wait, or were those of an erased user', async () => {
    const [{ id }, { id: erased }] = [await createUser(app), await createUser(app)];
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    await mutate(app, 'eraseUser', { userId: erased }, officer);
    const at = '2026-05-01T10:00:00Z';
    const events = [id, uuidv7(), erased].map((userId) => order(userId, at));
    expect(await fold.fold(events)).toEqual(['folded', 'waiting', 'erased']);
    for (const event of events) {
      expect(await fold.countIfDuplicate(event)).toBe(true);
      expect(await fold.countIfDuplicate({ ...event, source: '/other.events' })).toBe(false);
    }
    await app.sql('DELETE FROM waiting_events');
  });

  it('have zero totals and an empty history before the first event', async () => {
    const { id } = await createUser(app);
    expect(await commerceOf(app, id)).toEqual({
      orderCount: 0,
      lastOrderAt: null,
      spent: [],
      cancelledOrderCount: 0,
      failedPaymentCount: 0,
      lastPaymentFailedAt: null,
      loyaltyPoints: 0,
      history: [],
    });
  });
});
