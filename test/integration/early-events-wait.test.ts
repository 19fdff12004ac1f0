import { v7 as uuidv7 } from 'uuid';
import type { CommerceEvent } from '../../src/commerce/commerce-event';
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
import { newId, storeUsers } from '../testkit/stored-users';
import { createUser, mutate } from '../testkit/users';

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
/** Points of a user for the fold. */
const points = (userId: string) => ({
  type: 'LoyaltyPointsEarned' as const,
  source: '/early',
  eventId: uuidv7(),
  occurredAt: new Date(),
  userId,
  points: 1,
  orderId: null,
  reason: null,
});
const pointsOf = (userId: string, count: number) => Array.from({ length: count }, () => points(userId));
/** Stores a user whose events wait, without the service, which would soon release them. */
async function storePendingUser(): Promise<string> {
  const id = newId('PENDING');
  await storeUsers(app, [{ id, state: 'PENDING' }]);
  return id;
}
/** Makes users known by a change that bypasses the service. Of the sweeps, only a full one finds their events then. */
async function activate(...ids: string[]): Promise<void> {
  await app.sql(`UPDATE waiting_events SET received_at = received_at - interval '2 minutes'`);
  await app.sql(`UPDATE users SET status = 'ACTIVE' WHERE id = ANY($1)`, [ids]);
}
const metric = async (name: string) => {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
};

describe('an early event', () => {
  it('waits once, is counted by metrics, and is folded when its user and order exist', async () => {
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
    // The metrics read PostgreSQL at most once in some seconds.
    await eventually(async () => {
      expect(await metric('user_service_waiting_events')).toBe(0);
      expect(await metric('user_service_waiting_events_oldest_age_seconds')).toBe(0);
    });
  });

  it('is released and forgotten when the order of an erased user arrives', async () => {
    const { id: userId } = await createUser(app);
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    await mutate(app, 'eraseUser', { userId }, officer);
    const orderId = uuidv7();
    const payment = paymentFailed(orderId);
    await others.publish(payment);
    await eventually(async () => expect(await waiting()).toHaveLength(1));
    // The release, and not the sweep that would find the event as well.
    const release = jest.spyOn(intake.waiting, 'release');
    const order = { source: '/orders', eventId: uuidv7(), occurredAt: new Date(), orderId, userId };
    const total = { amount: '1', currency: 'EUR' };
    const placed = { ...order, type: 'OrderPlaced' as const, total, itemCount: null };
    expect(await intake.fold.fold([placed])).toEqual(['erased']);
    expect(release.mock.calls).toEqual([['order', [orderId]]]);
    release.mockRestore();
    await intake.waiting.drain();
    expect(await waiting()).toEqual([]);
    const { messageId } = payment.properties;
    expect(await app.sql('SELECT 1 FROM erased_events WHERE event_id = $1', [messageId])).toHaveLength(1);
  });

  it('waits while its user is PENDING', async () => {
    const { id } = await createUser(app);
    await app.sql(`UPDATE users SET status = 'PENDING' WHERE id = $1`, [id]);
    await others.publish(pointsEarned(id));
    await eventually(async () => expect(await waiting()).toHaveLength(1));
    await app.sql(`UPDATE users SET status = 'ACTIVE' WHERE id = $1`, [id]);
    // The change bypasses the service, so only the sweep finds it.
    await eventually(async () => expect((await commerceOf(app, id)).loyaltyPoints).toBe(5));
  });

  it('is folded by a full sweep after 29 days', async () => {
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

  it('stays waiting when its user does not exist at folding', async () => {
    const folded: unknown[] = [];
    const early = points(uuidv7());
    const results = await intake.fold.fold([early], async (_tx, events) => void folded.push(...events));
    expect(results).toEqual(['waiting']);
    expect(folded).toEqual([]);
    await app.sql('DELETE FROM waiting_events');
  });

  it.each([
    ['user', 'user'],
    ['user', 'order'],
    ['order', 'order'],
  ] as const)(
    'is folded when its referent arrives during the work for others: a %s, then a %s',
    async (first, then) => {
      const [one, other] = [await storePendingUser(), await storePendingUser()];
      const [orderId, otherOrder] = [uuidv7(), uuidv7()];
      const payment = (id: string) => ({
        type: 'PaymentFailed' as const,
        source: '/early',
        eventId: uuidv7(),
        occurredAt: new Date(),
        paymentId: uuidv7(),
        orderId: id,
        errorCode: 'DECLINED',
        errorMessage: null,
        amount: null,
      });
      const events = {
        user: [points(one), points(other)],
        order: [payment(orderId), payment(otherOrder)],
      };
      const ids = { user: [one, other], order: [orderId, otherOrder] };
      const batch = [events[first][0], events[then][1]] as CommerceEvent[];
      expect(await intake.fold.fold(batch)).toEqual(['waiting', 'waiting']);
      await activate(one, other);
      await app.sql('INSERT INTO user_orders (order_id, user_id) VALUES ($1, $3), ($2, $3)', [
        orderId,
        otherOrder,
        one,
      ]);
      const fold = jest.spyOn(intake.fold, 'fold').mockImplementationOnce((found, onFolded) => {
        intake.waiting.release(then, [ids[then][1] as string]);
        return intake.fold.fold(found, onFolded);
      });
      intake.waiting.release(first, [ids[first][0] as string]);
      await intake.waiting.drain();
      fold.mockRestore();
      expect(await waiting()).toEqual([]);
    },
  );

  it('is folded with all others of its user, whose number exceeds a batch', async () => {
    const [known, unknown] = [await storePendingUser(), uuidv7()];
    // Some of the first batch still wait.
    await intake.fold.fold(pointsOf(unknown, 5));
    await intake.fold.fold(pointsOf(known, 400));
    await activate(known);
    intake.waiting.release('user', [unknown, known]);
    await intake.waiting.drain();
    expect((await commerceOf(app, known)).loyaltyPoints).toBe(400);
    expect(await waiting()).toHaveLength(5);
    await app.sql('DELETE FROM waiting_events');
  });

  it('is tried once by the release of an unknown user, also in a full batch', async () => {
    const unknown = uuidv7();
    await intake.fold.fold(pointsOf(unknown, 200));
    let tries = 0;
    const fold = jest.spyOn(intake.fold, 'fold').mockImplementation(async (batch) => {
      tries += 1;
      if (tries > 2) throw new Error('tried again');
      return batch.map(() => 'waiting');
    });
    intake.waiting.release('user', [unknown]);
    await intake.waiting.drain();
    fold.mockRestore();
    await app.sql('DELETE FROM waiting_events');
    expect(tries).toBe(1);
  });

  it('is parked after 30 days by the database’s clock, regardless of its own time', async () => {
    const [userId, orderId] = [uuidv7(), uuidv7()];
    const order = orderPlaced(userId, {
      orderId,
      total: { value: '12.5', currency: 'EUR' },
      items: [1, 2],
      placedAt: '1999-01-01T00:00:00Z',
    });
    const hourAhead = new Date(Date.now() + 3_600_000).toISOString();
    await others.publish(order, paymentFailed(orderId, { timestamp: hourAhead }));
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

  it('is counted by the metric of parked messages when it is parked', async () => {
    const metrics = createMetrics();
    const log = createLogger({ level: 'silent' });
    // Parks a day before the app does.
    const { fold, waiting: early } = createIntake({ database, metrics, log, waitingDays: 29 });
    // More than a batch.
    const events = pointsOf(uuidv7(), 201);
    expect(await fold.fold(events)).toEqual(Array(201).fill('waiting'));
    await app.sql(
      `UPDATE waiting_events SET received_at = now() - interval '29 days' WHERE source = '/early'`,
    );
    await early.sweep('all');
    const { values } = await metrics.messagesParked.get();
    expect(values.filter(({ value }) => value > 0)).toEqual([{ labels: { reason: 'EXPIRED' }, value: 201 }]);
  });
});
