import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import type { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import { type CommandLine, openCommandLine } from '../testkit/command';
import {
  commerceOf,
  type ForeignMessage,
  type ForeignService,
  foreignEvent,
  orderCancelled,
  orderPlaced,
  pointsEarned,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { createUser, mutate } from '../testkit/users';

let commands: CommandLine;
let app: TestApp;
let others: ForeignService;
let database: Database;
let fold: ReturnType<typeof createIntake>['fold'];
let userId: string;
let orderId: string;
beforeAll(async () => {
  commands = openCommandLine();
  app = await startTestApp();
  others = await startForeignService(app);
  const log = createLogger({ level: 'silent' });
  database = openDatabase(app.databaseUrl, log, 1);
  await database.connect();
  ({ fold } = createIntake({ database, metrics: createMetrics(), log, waitingDays: 30 }));
});
afterAll(async () => {
  await others.close();
  await database.close();
  await app.stop();
  await commands.close();
});
beforeEach(async () => {
  ({ id: userId } = await createUser(app));
  orderId = uuidv7();
  await app.sql('DELETE FROM parked_messages');
});

const euros = (value: string) => ({ total: { value, currency: 'EUR' } });
/** An event of the fold about `orderId`. */
const cancellation = (eventId: string = uuidv7(), ofOrder = orderId) => ({
  type: 'OrderCancelled' as const,
  source: '/order.events',
  eventId,
  occurredAt: new Date('2026-03-02T10:00:00Z'),
  orderId: ofOrder,
  reason: null,
});
/** Events that wait for an order that is stored: their batch was folded in parallel with the order's, and a sweep folds them. */
const waitingForStored = `SELECT 1 FROM waiting_events
  WHERE waits_for = 'order' AND waits_for_id IN (SELECT order_id FROM user_orders)`;

/** How often the app has processed an event of another service. */
async function processed(): Promise<number> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  const counts = [...text.matchAll(/^user_service_events_folded_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Publishes messages and an award of points, waits until all that can be folded is folded, and returns the summary. */
async function publishAndFold(...messages: ForeignMessage[]): Promise<any> {
  const before = await processed();
  await others.publish(...messages, pointsEarned(userId));
  // Two batches are folded concurrently, so none of the messages is certain to be the last.
  await eventually(async () => {
    expect(await processed()).toBeGreaterThan(before + messages.length);
    expect(await app.sql(waitingForStored)).toEqual([]);
  });
  return commerceOf(app, userId);
}
const recompute = async (...flags: string[]) =>
  commands.run(['recompute', ...flags], { DATABASE_URL: app.databaseUrl });

describe('a cancelled order', () => {
  it.each([
    ['OrderCancelled', 'order.cancelled', 'cancelledAt'],
    ['OrderCanceled', 'order.canceled', 'canceledAt'],
    ['OrderCancelled', 'order.canceled', 'timestamp'],
  ] as const)('by %s with the key %s and %s is left out of what was spent', async (type, routingKey, at) => {
    const message = foreignEvent(type, { orderId, [at]: '2026-03-04T10:00:00Z', reason: 'SOLD_OUT' });
    const commerce = await publishAndFold(
      orderPlaced(userId, { orderId, ...euros('12.34') }),
      orderPlaced(userId, euros('1.1')),
      orderPlaced(userId, { total: { value: 7, currency: 'USD' } }),
      { ...message, routingKey },
    );
    expect(commerce).toMatchObject({
      orderCount: 3,
      cancelledOrderCount: 1,
      lastOrderAt: '2026-03-01T10:00:00.000Z',
      spent: [
        { amount: '1.1', currency: 'EUR' },
        { amount: '7', currency: 'USD' },
      ],
    });
    expect(commerce.history[0]).toEqual({
      type: 'ORDER_CANCELLED',
      occurredAt: '2026-03-04T10:00:00.000Z',
      source: '/order.events',
      eventId: message.properties.messageId,
      late: false,
      summary: 'An order was cancelled.',
      data: { orderId, reason: 'SOLD_OUT' },
    });
  });

  it('takes its currency out of spent when no other order has that currency', async () => {
    const free = uuidv7();
    const placed = [
      orderPlaced(userId, { orderId, ...euros('5') }),
      orderPlaced(userId, { orderId: free, ...euros('0') }),
    ];
    expect((await publishAndFold(...placed, orderCancelled(orderId))).spent).toEqual([
      { amount: '0', currency: 'EUR' },
    ]);
    expect(await publishAndFold(orderCancelled(free))).toMatchObject({
      spent: [],
      orderCount: 2,
      cancelledOrderCount: 2,
    });
    expect((await publishAndFold(orderPlaced(userId, euros('3')))).spent).toEqual([
      { amount: '3', currency: 'EUR' },
    ]);
  });

  it('is cancelled once by several events, in one batch and in later ones', async () => {
    const several = () => Array.from({ length: 3 }, () => orderCancelled(orderId));
    await publishAndFold(orderPlaced(userId, { orderId }), orderPlaced(userId, euros('2')), ...several());
    const commerce = await publishAndFold(...several());
    expect(commerce).toMatchObject({
      cancelledOrderCount: 1,
      spent: [{ amount: '2', currency: 'EUR' }],
    });
    expect(commerce.history.filter(({ type }: { type: string }) => type === 'ORDER_CANCELLED')).toHaveLength(
      1,
    );
    expect(await app.sql('SELECT 1 FROM waiting_events')).toEqual([]);
  });

  it('is left out of spent with all events that placed it, also with one that arrives afterwards', async () => {
    const placed = () => orderPlaced(userId, { orderId, ...euros('4') });
    const commerce = await publishAndFold(placed(), placed(), orderCancelled(orderId), placed());
    expect(commerce).toMatchObject({ orderCount: 3, cancelledOrderCount: 1, spent: [] });
    expect(await publishAndFold(placed())).toMatchObject({ orderCount: 4, spent: [] });
    expect(await recompute()).toMatchObject({ code: 0 });
  });

  it('is cancelled by the second of its events when another order’s event had the id of the first', async () => {
    const [taken, other] = [uuidv7(), uuidv7()];
    await publishAndFold(orderPlaced(userId, { orderId }), orderPlaced(userId, { orderId: other }));
    expect(await fold.fold([cancellation(taken, other)])).toEqual(['folded']);
    expect(await fold.fold([cancellation(taken), cancellation(), cancellation()])).toEqual([
      'duplicate',
      'folded',
      'duplicate',
    ]);
    expect((await commerceOf(app, userId)).cancelledOrderCount).toBe(2);
  });

  it('waits for its order and its user', async () => {
    const unknown = uuidv7();
    await others.publish(orderCancelled(orderId), orderPlaced(unknown, { orderId }));
    await eventually(async () => expect(await app.sql('SELECT 1 FROM waiting_events')).toHaveLength(2));
    await createUser(app, { userId: unknown });
    await eventually(async () =>
      expect(await commerceOf(app, unknown)).toMatchObject({
        orderCount: 1,
        cancelledOrderCount: 1,
        spent: [],
      }),
    );
  });

  it('leaves the identity of its event only when its user was erased', async () => {
    await publishAndFold(orderPlaced(userId, { orderId }), orderCancelled(orderId));
    const result = await mutate(
      app,
      'eraseUser',
      { userId },
      await app.token({ sub: 'officer', scope: 'users:privacy' }),
    );
    expect(result.__typename).toBe('EraseUserSuccess');
    const late = orderCancelled(orderId, { reason: 'a late reason' });
    await others.publish(late);
    await eventually(async () => {
      const { messageId } = late.properties;
      expect(await app.sql('SELECT 1 FROM erased_events WHERE event_id = $1', [messageId])).toHaveLength(1);
    });
    expect(await app.sql('SELECT 1 FROM cancelled_orders WHERE user_id = $1', [userId])).toEqual([]);
    expect(await app.sql('SELECT 1 FROM waiting_events')).toEqual([]);
  });

  it.each([
    ['INVALID_TIME', { cancelledAt: '2999-01-01T00:00:00Z' }, {}],
    ['INVALID_DATA', { orderId: '' }, {}],
    ['WRONG_EXCHANGE', {}, { exchange: 'payment.events', routingKey: 'payment.failed' }],
  ])('is parked as %s with data %j through %j', async (reason, data, address) => {
    await publishAndFold(orderPlaced(userId, { orderId }), { ...orderCancelled(orderId, data), ...address });
    await eventually(async () =>
      expect(await app.sql('SELECT reason, type FROM parked_messages')).toEqual([
        { reason, type: 'OrderCancelled' },
      ]),
    );
    expect((await commerceOf(app, userId)).cancelledOrderCount).toBe(0);
  });

  it('is recomputed from the history, where a wrong count is found and fixed', async () => {
    await publishAndFold(
      orderPlaced(userId, { orderId, ...euros('8') }),
      orderPlaced(userId, euros('2')),
      orderCancelled(orderId),
    );
    expect(await recompute()).toMatchObject({ code: 0 });
    await app.sql('UPDATE user_commerce SET cancelled_order_count = 0 WHERE user_id = $1', [userId]);
    await app.sql('UPDATE user_spending SET amount = 10, order_count = 2 WHERE user_id = $1', [userId]);
    expect(await recompute('--fix')).toMatchObject({ code: 0, stdout: expect.stringContaining('1 fixed') });
    expect(await commerceOf(app, userId)).toMatchObject({
      cancelledOrderCount: 1,
      spent: [{ amount: '2', currency: 'EUR' }],
    });
  });

  it('keeps its total in spent when retention has deleted the entry of the order', async () => {
    await publishAndFold(orderPlaced(userId, { orderId, ...euros('8') }));
    await app.sql('DELETE FROM user_history WHERE user_id = $1', [userId]);
    await app.sql('UPDATE user_commerce SET history_is_cut = true WHERE user_id = $1', [userId]);
    expect(await fold.fold([cancellation()])).toEqual(['folded']);
    expect(await commerceOf(app, userId)).toMatchObject({
      cancelledOrderCount: 1,
      spent: [{ amount: '8', currency: 'EUR' }],
    });
  });
});
