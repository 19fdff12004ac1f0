import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { batchedStores, immediateStores } from '../../src/privacy/erasure-stores';
import { createRedisClient } from '../../src/redis/redis-client';
import { RedisRecordCache } from '../../src/redis/redis-record-cache';
import { createServices, type Services } from '../../src/services';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  type ForeignMessage,
  type ForeignService,
  orderCancelled,
  orderPlaced,
  paymentFailed,
  pointsEarned,
  signedIn,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { createUser, mutate } from '../testkit/users';

const caller = { actor: { id: 'officer', scopes: new Set<string>() }, traceparent: null };
const historyLength = 3_500;
const log = createLogger({ level: 'silent' });

let app: TestApp;
let others: ForeignService;
let database: Database;
let redis: ReturnType<typeof createRedisClient>;
let services: Services;
beforeAll(async () => {
  app = await startTestApp();
  others = await startForeignService(app);
  database = openDatabase(app.databaseUrl, log, 2);
  await database.connect();
  redis = createRedisClient(process.env['TEST_REDIS_URL'] ?? '', log);
  // A second replica, which erases step by step while the first consumes events.
  services = createServices({
    database,
    recordCache: new RedisRecordCache(redis, () => `${app.redisPrefix}${database.id}:`),
    metrics: createMetrics(),
    log,
    authenticationServiceUrl: null,
    erasurePatienceMs: 0,
  });
});
afterAll(async () => {
  await redis.close();
  await database.close();
  await others.close();
  await app.stop();
});

const count = async (condition: string, parameters: unknown[]) =>
  (await app.sql(`SELECT 1 FROM ${condition}`, parameters)).length;

const countParkedContaining = (text: string) =>
  count(`parked_messages WHERE convert_from(body, 'UTF8') LIKE '%' || $1 || '%'`, [text]);

/** Creates a user with at least one record in every store that erasure empties, except `unseen_users`. */
async function createUserEverywhere(): Promise<{
  userId: string;
  orderId: string;
  events: ForeignMessage[];
}> {
  const { id: userId } = await createUser(app, {
    idempotencyKey: randomUUID(),
    phoneNumber: '+14155550100',
    externalIds: [{ system: 'crm', id: randomUUID() }],
  });
  await mutate(app, 'updateEmailPreferences', { userId, newsletter: true, source: 'form' });
  await mutate(app, 'requestEmailVerification', { userId });
  await mutate(app, 'requestPhoneVerification', { userId });
  await mutate(
    app,
    'updateUser',
    { userId, email: `${randomUUID()}@example.com` },
    await app.token({ sub: userId }),
  );
  const orderId = uuidv7();
  const events = [
    orderPlaced(userId, { orderId }),
    orderPlaced(userId, { total: { value: 3, currency: 'USD' } }),
    paymentFailed(orderId),
    orderCancelled(orderId),
    // Names the user by an order alone.
    paymentFailed(orderId, { timestamp: 'never' }),
    signedIn(userId, '2026-03-01T10:00:00Z'),
    pointsEarned(userId),
    pointsEarned(userId, { points: -1 }),
  ];
  await others.publish(...events);
  await eventually(async () => {
    expect(await count('user_history WHERE user_id = $1', [userId])).toBe(8);
    expect(await count('parked_messages WHERE user_id = $1', [userId])).toBe(1);
    expect(await countParkedContaining(orderId)).toBe(1);
  });
  await app.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1::uuid, 'ORDER_PLACED', now(), now(), 'test', $1::text || n, 'An order', '{}'
     FROM generate_series(1, $2::int) AS n`,
    [userId, historyLength],
  );
  // The order in the event never arrives, so no sweep folds the event before the erasure deletes it.
  const waiting = { type: 'PaymentFailed', source: 'test', eventId: randomUUID(), orderId: randomUUID() };
  await app.sql(
    `INSERT INTO waiting_events (source, event_id, type, waits_for, waits_for_id, event)
     VALUES ('test', $1, 'PaymentFailed', 'order', $2, $3)`,
    [waiting.eventId, orderId, { ...waiting, occurredAt: '2026-03-01T10:05:00Z' }],
  );
  await app.sql(
    `INSERT INTO inactivity_warnings (user_id, last_active_at, event_id, warned_at)
     VALUES ($1, now(), gen_random_uuid(), now())`,
    [userId],
  );
  return { userId, orderId, events };
}

it('an erasure deletes exactly the records of its plan while events of the user arrive', async () => {
  const { userId, orderId, events } = await createUserEverywhere();
  const bystander = await createUserEverywhere();
  const recordsOfBystander = await services.erasures.plan(caller, { userId: bystander.userId });

  const plan = await services.erasures.plan(caller, { userId });
  // A user who signed in is in `user_activity`, any other in `unseen_users`.
  const stores = [...immediateStores, ...batchedStores]
    .map(({ name }) => name)
    .filter((name) => name !== 'unseen_users');
  expect(new Set(Object.keys(plan.effects))).toEqual(new Set([...stores, 'cache']));
  // Duplicates do not change the plan.
  await others.publish(...events);
  expect((await services.erasures.plan(caller, { userId })).effects).toEqual(plan.effects);

  const { id } = await services.erasures.erase(caller, { userId });
  const late: ForeignMessage[] = [];
  for (let step = 0; step < 5; step += 1) {
    const batch = [
      orderPlaced(userId),
      paymentFailed(orderId),
      pointsEarned(userId),
      pointsEarned(userId, { points: -1 }),
    ];
    late.push(...batch);
    await others.publish(...batch);
    await services.erasures.advance(id);
  }
  await eventually(async () => {
    while (await services.erasures.advance(id));
    const remembered = await app.sql<{ id: string }>('SELECT event_id AS id FROM erased_events');
    const wanted = late.map(({ properties }) => properties.messageId);
    expect(remembered.map((row) => row.id)).toEqual(expect.arrayContaining(wanted));
    expect(await services.erasures.find(id)).toMatchObject({ status: 'COMPLETED' });
  });

  expect((await services.erasures.find(id))?.effects).toEqual(plan.effects);
  for (const { name, ofUser } of [...immediateStores, ...batchedStores])
    expect({ name, left: await count(`${name} WHERE ${ofUser}`, [userId]) }).toEqual({ name, left: 0 });
  expect(await countParkedContaining(orderId)).toBe(0);
  // Other users keep their records.
  expect((await services.erasures.plan(caller, { userId: bystander.userId })).effects).toEqual(
    recordsOfBystander.effects,
  );
});
