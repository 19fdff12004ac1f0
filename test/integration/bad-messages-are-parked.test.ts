import { v7 as uuidv7 } from 'uuid';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  commerceOf,
  type ForeignMessage,
  type ForeignService,
  foreignEvent,
  orderPlaced,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { scrape, sumOf } from '../testkit/metrics';
import { createUser } from '../testkit/users';

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

interface ParkedRow {
  reason: string;
  type: string | null;
  source: string | null;
  event_id: string | null;
  user_id: string | null;
  exchange: string;
  body: Buffer;
  attempts: number;
}

const parkedRows = () => app.sql<ParkedRow>('SELECT * FROM parked_messages ORDER BY id');

/** An order with another body or other properties. */
function broken(userId: string, changes: { body?: string | Buffer; properties?: object }): ForeignMessage {
  const order = orderPlaced(userId);
  return {
    ...order,
    body: Buffer.from(changes.body ?? order.body),
    properties: { ...order.properties, ...changes.properties },
  };
}

describe('messages that can never be folded', () => {
  it('are parked unchanged with their reason, and all valid messages are folded', async () => {
    const { id: userId } = await createUser(app);
    const plain = { contentType: 'application/json' };
    const bad: [string, ForeignMessage][] = [
      ['INVALID_JSON', broken(userId, { body: '{"orderId": ', properties: plain })],
      ['INVALID_JSON', broken(userId, { body: '\u0000\u0000\u0000', properties: plain })],
      ['TOO_LARGE', broken(userId, { body: 'x'.repeat(1_000_000) })],
      ['INVALID_TEXT', orderPlaced(userId, { orderId: 'a\u0000b' })],
      ['INVALID_TEXT', orderPlaced(userId, { orderId: 'a\ud800b' })],
      ['INVALID_ENCODING', broken(userId, { body: Buffer.from([0xc3, 0x28]) })],
      ['UNKNOWN_CURRENCY', orderPlaced(userId, { total: { value: 1, currency: 'XYZ' } })],
      ['INVALID_AMOUNT', orderPlaced(userId, { total: { value: '1.00001', currency: 'EUR' } })],
      ['INVALID_USER_ID', orderPlaced('no-uuid')],
      ['INVALID_TIME', orderPlaced(userId, { placedAt: 'soon' })],
      [
        'INVALID_POINTS',
        foreignEvent('LoyaltyPointsEarned', { userId, points: 1.5, earnedAt: '2026-01-01T00:00:00Z' }),
      ],
      [
        'INVALID_DATA',
        foreignEvent('PaymentFailed', { paymentId: 7, orderId: 'x', timestamp: '2026-01-01T00:00:00Z' }),
      ],
      ['UNKNOWN_TYPE', foreignEvent('OrderPlaced', { userId }, { type: 'OrderPainted' })],
      ['INVALID_ENVELOPE', broken(userId, { properties: { ...plain, messageId: undefined }, body: '{}' })],
    ];
    await others.publish(...bad.flatMap(([, message]) => [message, orderPlaced(userId)]));

    await eventually(async () => {
      expect(await parkedRows()).toHaveLength(bad.length);
      expect((await commerceOf(app, userId)).orderCount).toBe(bad.length);
    });
    const rows = await parkedRows();
    for (const [reason, message] of bad) {
      const row = rows.find(({ body }) => body.equals(message.body.subarray(0, 256 * 1024)));
      expect(row).toMatchObject({ reason, exchange: message.exchange, attempts: 1 });
    }
    expect(rows.find(({ reason }) => reason === 'INVALID_TIME')).toMatchObject({
      type: 'OrderPlaced',
      source: '/order.events',
      event_id: expect.any(String),
      user_id: userId,
    });
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    expect(metrics).toContain('user_service_messages_parked_total{reason="INVALID_JSON"} 2');
    expect(metrics).toContain(
      `user_service_events_folded_total{type="OrderPlaced",result="folded"} ${bad.length}`,
    );
    expect(metrics).toContain('user_service_events_folded_total{type="other",result="parked"}');
    expect(metrics).toContain(`user_service_consumer_batch_size_sum ${2 * bad.length}`);
  });

  it('are parked and counted once for any number of deliveries', async () => {
    const before = (await parkedRows()).length;
    const counted = async () =>
      sumOf(await scrape(app.url), 'user_service_messages_parked_total', { reason: 'INVALID_USER_ID' }) ?? 0;
    const countedBefore = await counted();
    const bad = orderPlaced('no-uuid');
    await others.publish(bad, bad, bad);
    const { id } = await createUser(app);
    await others.publish(orderPlaced(id));
    await eventually(async () => expect((await commerceOf(app, id)).orderCount).toBe(1));
    expect(await parkedRows()).toHaveLength(before + 1);
    await eventually(async () => expect(await counted()).toBe(countedBefore + 1));
  });

  it('are parked without their batch when PostgreSQL rejects them', async () => {
    const { id } = await createUser(app);
    // Every field is valid, but a constraint rejects the row.
    await app.sql(`ALTER TABLE user_spending ADD CONSTRAINT refuse CHECK (currency <> 'CHF')`);
    const order = orderPlaced(id, { total: { value: 5, currency: 'CHF' } });
    const bad = { ...order, properties: { ...order.properties, headers: { 'x-delivery-count': 2 } } };
    await others.publish(orderPlaced(id), bad, orderPlaced(id));
    await eventually(async () => {
      expect((await commerceOf(app, id)).orderCount).toBe(2);
      expect(await parkedRows()).toContainEqual(
        expect.objectContaining({
          reason: 'CANNOT_BE_FOLDED',
          type: 'OrderPlaced',
          source: '/order.events',
          event_id: bad.properties.messageId,
          user_id: id,
          attempts: 3,
        }),
      );
    });
    expect(
      await app.sql('SELECT 1 FROM user_history WHERE event_id = $1', [bad.properties.messageId]),
    ).toEqual([]);
  });

  it('are parked when the broker dead-letters them', async () => {
    const message = orderPlaced(uuidv7());
    await others.giveUp(message);
    await eventually(async () => {
      expect(await parkedRows()).toContainEqual(
        expect.objectContaining({
          reason: 'DELIVERY_LIMIT',
          body: message.body,
          event_id: message.properties.messageId,
          type: 'OrderPlaced',
        }),
      );
    });
  });

  it.each([
    [19, 'with their body'],
    [20, 'with their body'],
    [21, 'by their digest'],
  ])('are parked as dead letters at delivery %i %s', async (deliveries, how) => {
    const order = orderPlaced(uuidv7());
    const headers = { 'x-delivery-count': deliveries - 1 };
    await others.giveUp({ ...order, properties: { ...order.properties, headers } });
    await eventually(async () => {
      const [row] = (await parkedRows()).filter(({ attempts }) => attempts === deliveries);
      expect(row).toMatchObject({
        reason: 'DELIVERY_LIMIT',
        body: how === 'with their body' ? order.body : Buffer.alloc(0),
      });
    });
  });
});
