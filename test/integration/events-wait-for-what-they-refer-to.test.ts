import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import type { Database } from '../../src/postgres/database';
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
import { createUser } from '../testkit/users';

let app: TestApp;
let others: ForeignService;
let database: Database;
let intake: ReturnType<typeof createIntake>;
beforeAll(async () => {
  app = await startTestApp();
  others = await startForeignService(app);
  const log = createLogger({ level: 'silent' });
  database = openDatabase(app.databaseUrl, log, 2);
  await database.connect();
  intake = createIntake({ database, metrics: createMetrics(), log, waitingDays: 30 });
});
afterAll(async () => {
  await others.close();
  await database.close();
  await app.stop();
});

const waiting = () => app.sql<{ type: string }>('SELECT type FROM waiting_events ORDER BY type');
const metric = async (name: string) => {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
};

describe('an event that comes too early', () => {
  it('waits once, is measured, and is folded when its user and its order are there', async () => {
    const [userId, orderId] = [uuidv7(), uuidv7()];
    const events = [paymentFailed(orderId), orderPlaced(userId, { orderId }), pointsEarned(userId)];
    await others.publish(...events, ...events);
    await eventually(async () =>
      expect((await waiting()).map(({ type }) => type)).toEqual([
        'LoyaltyPointsEarned',
        'OrderPlaced',
        'PaymentFailed',
      ]),
    );
    await app.sql(`UPDATE waiting_events SET received_at = received_at - interval '5 minutes'`);
    expect(await metric('user_service_waiting_events')).toBe(3);
    expect(await metric('user_service_waiting_events_oldest_age_seconds')).toBeGreaterThan(299);

    await createUser(app, { userId });
    await eventually(async () => {
      expect(await commerceOf(app, userId)).toMatchObject({
        orderCount: 1,
        failedPaymentCount: 1,
        loyaltyPoints: 5,
      });
    });
    expect(await waiting()).toEqual([]);
    expect(await metric('user_service_waiting_events')).toBe(0);
    expect(await metric('user_service_waiting_events_oldest_age_seconds')).toBe(0);
  });

  it('waits while its user is not accepted yet', async () => {
    const { id } = await createUser(app);
    await app.sql(`UPDATE users SET status = 'PENDING' WHERE id = $1`, [id]);
    await others.publish(pointsEarned(id));
    await eventually(async () => expect(await waiting()).toHaveLength(1));
    await app.sql(`UPDATE users SET status = 'ACTIVE' WHERE id = $1`, [id]);
    // Nobody told this process: the sweep finds out.
    await eventually(async () => expect((await commerceOf(app, id)).loyaltyPoints).toBe(5));
  });

  it('is found by the sweep of everything, however long it has waited', async () => {
    const { id } = await createUser(app);
    await app.sql(`UPDATE users SET status = 'PENDING' WHERE id = $1`, [id]);
    await others.publish(pointsEarned(id));
    await eventually(async () => expect(await waiting()).toHaveLength(1));
    await app.sql(`UPDATE waiting_events SET received_at = received_at - interval '29 days'`);
    await app.sql(`UPDATE users SET status = 'ACTIVE' WHERE id = $1`, [id]);
    await intake.waiting.sweep('all');
    expect((await commerceOf(app, id)).loyaltyPoints).toBe(5);
    expect(await waiting()).toEqual([]);
  });

  it('goes on waiting when what it refers to is gone again by the time it is folded', async () => {
    const settled: unknown[] = [];
    const early = {
      type: 'LoyaltyPointsEarned' as const,
      source: '/gone',
      eventId: uuidv7(),
      occurredAt: new Date(),
      userId: uuidv7(),
      points: 1,
      orderId: null,
      reason: null,
    };
    const results = await intake.fold.fold([early], async (_tx, events) => void settled.push(...events));
    expect(results).toEqual(['waiting']);
    expect(settled).toEqual([]);
    await app.sql('DELETE FROM waiting_events');
  });

  it('is parked after 30 days by the database’s clock, whatever time it tells, and can be replayed', async () => {
    const [userId, orderId] = [uuidv7(), uuidv7()];
    const order = orderPlaced(userId, {
      orderId,
      total: { value: '12.5', currency: 'EUR' },
      items: [1, 2],
      placedAt: '1999-01-01T00:00:00Z',
    });
    await others.publish(order, paymentFailed(orderId, { timestamp: '9999-01-01T00:00:00Z' }));
    await eventually(async () => expect(await waiting()).toHaveLength(2));
    await intake.waiting.sweep('all');
    expect(await waiting()).toHaveLength(2);

    await app.sql(
      `UPDATE waiting_events SET received_at = received_at - interval '30 days' WHERE type = 'OrderPlaced'`,
    );
    await intake.waiting.sweep('all');
    expect(await waiting()).toEqual([{ type: 'PaymentFailed' }]);
    const parked = await app.sql(
      `SELECT reason, type, event_id, user_id, exchange, routing_key, convert_from(body, 'UTF8')::jsonb AS body FROM parked_messages`,
    );
    expect(parked).toEqual([
      {
        reason: 'EXPIRED',
        type: 'OrderPlaced',
        event_id: order.properties.messageId,
        user_id: userId,
        exchange: 'order.events',
        routing_key: 'order.placed',
        body: expect.objectContaining({
          id: order.properties.messageId,
          source: '/order.events',
          data: expect.objectContaining({ orderId, userId, total: { value: '12.5', currency: 'EUR' } }),
        }),
      },
    ]);
  });
});
