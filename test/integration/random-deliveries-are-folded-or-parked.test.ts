import fc from 'fast-check';
import { HistoryConsumer } from '../../src/consumers/history.consumer';
import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import { DeliveryAttemptsRepository } from '../../src/parked/delivery-attempts.repository';
import type { Delivery } from '../../src/rabbitmq/broker';
import { boundBody } from '../../src/rabbitmq/delivery';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import { commerceOf, orderPlaced } from '../testkit/commerce-events';
import { createUser } from '../testkit/users';

/** `RANDOM_DELIVERIES=10000` takes some minutes. */
const deliveryCount = Number(process.env['RANDOM_DELIVERIES'] ?? 300);
const perBatch = 20;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ config: { amqpUrl: null } });
});
afterAll(() => app.stop());

const codeUnits = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0xd800, 0xdfff, 0x22, 0x5c)), {
    maxLength: 20,
  })
  .map((units) => String.fromCharCode(...units));
const text = fc.oneof(
  codeUnits,
  fc.string({ unit: 'binary' }),
  fc.uuid(),
  fc.emailAddress(),
  fc.constantFrom('', '\0', 'x'.repeat(5_000), '\0'.repeat(2_000), '\ud83d'.repeat(300)),
);
const name = fc.oneof(
  text,
  fc.constantFrom('ce-id', 'ce-source', 'ce-type', 'ce-time', 'cloudEvents_id', 'cloudEvents:type'),
  fc.constantFrom('x-death', 'x-delivery-count', '__proto__', 'constructor', 'toJSON', '!', 'value', '…'),
);
const record = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(name, value), { maxLength: 6 }).map((entries) => Object.fromEntries(entries));
const deep = fc.tuple(fc.constantFrom(20, 500, 5_000), fc.boolean()).map(([levels, isArray]) => {
  let value: unknown = '\0';
  for (let level = 0; level < levels; level += 1) value = isArray ? [value] : { a: value };
  return value;
});
const { headerValue } = fc.letrec((tie) => ({
  headerValue: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.date({ noInvalidDate: false }),
    fc.record({ '!': fc.constantFrom('timestamp', 'decimal'), value: fc.double() }),
    fc.array(tie('headerValue'), { maxLength: 5 }),
    record(tie('headerValue')),
  ),
}));
const headers = fc.oneof(
  record(headerValue),
  record(headerValue),
  deep.map((value) => ({ deep: value })),
  fc.constant(Object.fromEntries(Array.from({ length: 3_000 }, (_, at) => [`${at}\0`, '\ud800'.repeat(50)]))),
);
const orderData = fc.record(
  {
    orderId: fc.oneof(text, fc.uuid()),
    userId: fc.oneof(text, fc.uuid()),
    total: fc.oneof(
      fc.record({ value: fc.oneof(fc.double(), text), currency: fc.constantFrom('EUR', 'xyz', '\0') }),
      headerValue.map((value) => (typeof value === 'bigint' ? 1 : value)),
    ),
    placedAt: fc.oneof(
      text,
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    ),
  },
  { requiredKeys: [] },
);
const json = (value: unknown) =>
  JSON.stringify(value, (_name, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? '';
const envelope = fc
  .record({
    specversion: fc.constantFrom('1.0', '2.0', 1, null),
    id: fc.oneof(text, fc.uuid()),
    source: fc.oneof(text, fc.constant('/order.events')),
    type: fc.constantFrom('OrderPlaced', 'PaymentFailed', 'LoyaltyPointsEarned', 'UserAuthenticated', '\0'),
    time: text,
    data: fc.oneof(orderData, orderData, text),
  })
  .map(json);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.oneof(fc.json(), orderData.map(json), envelope, envelope, text).map((it) => Buffer.from(it)),
  fc
    .tuple(fc.uuid(), fc.constantFrom(10, 5_000, 8_000))
    .map(([id, count]) => Buffer.from(`["${`${id}","`.repeat(count)}`)),
);
const optionalText = fc.option(text, { nil: undefined });
const delivery: fc.Arbitrary<Delivery> = fc
  .record({
    exchange: fc.oneof(text, fc.constantFrom('order.events', 'loyalty.events', '')),
    routingKey: text,
    queue: fc.constant('any'),
    body,
    redelivered: fc.boolean(),
    deliveryCount: fc.maxSafeNat(),
    properties: fc.record({
      messageId: optionalText,
      type: fc.oneof(optionalText, fc.constantFrom('OrderPlaced', 'PaymentFailed')),
      contentType: fc.oneof(
        optionalText,
        fc.constantFrom('application/cloudevents+json', 'application/json', 'application/cloudevents'),
      ),
      timestamp: fc.option(fc.date({ noInvalidDate: false }), { nil: undefined }),
      headers,
    }),
  })
  .map((it) => ({ ...it, ...boundBody(it.body) }));

it(
  'random deliveries are folded or parked whole, and the orders among them are folded',
  async () => {
    const { id: userId } = await createUser(app);
    const log = createLogger({ level: 'silent' });
    const database = openDatabase(app.databaseUrl, log, 2);
    await database.connect();
    const metrics = createMetrics();
    const { fold, activity, parked } = createIntake({ database, metrics, log, waitingDays: 30 });
    const attempts = new DeliveryAttemptsRepository(database);
    const consumer = new HistoryConsumer({ fold, activity, parked, attempts, metrics });
    let orders = 0;
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(delivery, { minLength: perBatch, maxLength: perBatch }),
          async (deliveries) => {
            const { exchange, routingKey, body: order } = orderPlaced(userId);
            const properties = { contentType: 'application/cloudevents+json', headers: {} };
            const queued = { queue: 'any', redelivered: false, deliveryCount: 0 };
            await consumer.consume([
              ...deliveries,
              { exchange, routingKey, body: order, properties, ...queued },
            ]);
            orders += 1;
          },
        ),
        { numRuns: Math.ceil(deliveryCount / perBatch), endOnFailure: true },
      );
    } finally {
      await database.close();
    }
    expect((await commerceOf(app, userId)).orderCount).toBe(orders);
    expect(await app.sql(`SELECT reason, detail FROM parked_messages WHERE detail LIKE '%digest%'`)).toEqual(
      [],
    );
    const [{ count } = {}] = await app.sql<{ count: number }>('SELECT count(*)::int FROM parked_messages');
    expect(count).toBeGreaterThan(deliveryCount / 2);
  },
  deliveryCount * 50 + 20_000,
);
