import { openDatabase } from '../../src/data-source';
import { createIntake } from '../../src/intake';
import { expiries, type RetentionPolicy } from '../../src/personal-data/expiries';
import type { Database } from '../../src/postgres/database';
import { lockKeys, tryLock } from '../../src/postgres/locks';
import type { RetentionOutcome } from '../../src/privacy/retention';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { startTestApp, type TestApp } from '../testkit/app';
import { auditTrailOf } from '../testkit/audit';
import {
  commerceOf,
  type ForeignService,
  orderPlaced,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { createExpiringRecords, namesOfKept } from '../testkit/expiring-records';
import { createRetention } from '../testkit/retention';
import { createUser, mutate } from '../testkit/users';

const log = createLogger({ level: 'silent' });
let app: TestApp;
let officer: string;
let database: Database;
let others: ForeignService;

beforeAll(async () => {
  app = await startTestApp();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  database = openDatabase(app.databaseUrl, log);
  await database.connect();
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await database.close();
  await app.stop();
});

const retentionOf = (policy: Partial<RetentionPolicy>, limits: RetentionOutcome = {}) =>
  createRetention(database, policy, { limits });

/** Creates a user who was deactivated this many days ago. */
async function createDeactivated(days: number): Promise<string> {
  const { id: userId } = await createUser(app);
  await mutate(app, 'deactivateUser', { userId });
  await app.sql(`UPDATE users SET status_changed_at = now() - make_interval(days => $2) WHERE id = $1`, [
    userId,
    days,
  ]);
  return userId;
}

const hold = (userId: string) => mutate(app, 'placeLegalHold', { userId, reason: 'a dispute' }, officer);
const remaining = async (ids: string[]) =>
  (await app.sql<{ id: string }>('SELECT id FROM users WHERE id = ANY ($1)', [ids]))
    .map(({ id }) => id)
    .sort();

it('retention removes nothing without a policy', async () => {
  const id = await createDeactivated(4_000);
  const retention = retentionOf({});
  expect([await retention.plan(), await retention.run()]).toMatchObject([
    { users: 0, historyEntries: 0 },
    { users: 0, historyEntries: 0 },
  ]);
  expect(await remaining([id])).toEqual([id]);
  await mutate(app, 'eraseUser', { userId: id }, officer);
});

it('retention erases users deactivated before the limit, except active and held ones', async () => {
  const expired = await createDeactivated(31);
  const held = await createDeactivated(31);
  await hold(held);
  const lately = await createDeactivated(29);
  const { id: active } = await createUser(app);
  await app.sql(`UPDATE users SET status_changed_at = now() - interval '90 days' WHERE id = $1`, [active]);

  const retention = retentionOf({ RETENTION_DEACTIVATED_DAYS: 30 });
  expect(await retention.plan()).toMatchObject({ users: 1, historyEntries: 0 });
  expect(await remaining([expired])).toEqual([expired]);
  expect(await retention.run()).toMatchObject({ users: 1, historyEntries: 0 });
  const left = await remaining([expired, held, lately, active]);
  expect(new Set(left)).toEqual(new Set([held, lately, active]));
  expect(await app.sql('SELECT requested_by, status FROM erasures WHERE user_id = $1', [expired])).toEqual([
    { requested_by: 'retention', status: 'COMPLETED' },
  ]);
  expect((await auditTrailOf(app, expired)).at(-1)).toMatchObject({
    action: 'USER_ERASED',
    actor: 'retention',
    reason: 'RETENTION_DEACTIVATED_DAYS',
  });
  expect(await retention.run()).toMatchObject({ users: 0, historyEntries: 0 });
});

it('retention removes old history in batches, keeps its sums, and removed events stay duplicates', async () => {
  const { id: userId } = await createUser(app);
  const { id: heldId } = await createUser(app);
  await hold(heldId);
  const order = orderPlaced(userId, { total: { value: 10, currency: 'EUR' } });
  await others.publish(order);
  await eventually(async () => expect((await commerceOf(app, userId)).orderCount).toBe(1));
  for (const id of [userId, heldId])
    await app.sql(
      `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
       SELECT gen_random_uuid(), $1::uuid, 'USER_UPDATED', now(), now(), $1::text, n, 'Changed', '{}'
       FROM generate_series(1, 2300) AS n`,
      [id],
    );
  await app.sql(
    `UPDATE user_history SET recorded_at = now() - interval '400 days' WHERE user_id = ANY ($1)`,
    [[userId, heldId]],
  );
  const { id: young } = await createUser(app);

  const retention = retentionOf({ RETENTION_HISTORY_DAYS: 365 });
  const plan = await retention.plan();
  expect(plan).toMatchObject({ users: 0, historyEntries: 2_302 });
  const concurrent = await Promise.all([retention.run(), retentionOf({ RETENTION_HISTORY_DAYS: 365 }).run()]);
  const removed = concurrent.map(({ historyEntries = 0 }) => historyEntries);
  await eventually(async () => {
    removed.push((await retention.run())['historyEntries'] ?? 0);
    expect(await retention.plan()).toMatchObject({ users: 0, historyEntries: 0 });
  });
  // Each entry was removed by one run.
  expect(removed.reduce((sum, count) => sum + count)).toBe(2_302);
  const kept = await app.sql(
    `SELECT user_id, count(*)::int AS count FROM user_history WHERE user_id = ANY ($1) GROUP BY 1 ORDER BY 2`,
    [[userId, heldId, young]],
  );
  expect(kept).toEqual([
    { user_id: young, count: 1 },
    { user_id: heldId, count: 2_301 },
  ]);

  // Each batch is audited with user, count and policy.
  const audited = await app.sql(
    `SELECT actor_id, fields, split_part(reason, ':', 1) AS policy,
       sum(split_part(split_part(reason, ': ', 2), ' ', 1)::int)::int AS count,
       max(split_part(split_part(reason, ': ', 2), ' ', 1)::int) <= 1000 AS "areBatches"
     FROM audit_entries WHERE action = 'HISTORY_EXPIRED' AND user_id = $1 GROUP BY 1, 2, 3`,
    [userId],
  );
  expect(audited).toEqual([
    {
      actor_id: 'retention',
      fields: ['history'],
      policy: 'RETENTION_HISTORY_DAYS 365',
      count: 2_302,
      areBatches: true,
    },
  ]);
  expect(
    await app.sql(`SELECT 1 FROM audit_entries WHERE action = 'HISTORY_EXPIRED' AND user_id <> $1`, [userId]),
  ).toEqual([]);

  const marker = orderPlaced(young);
  await others.publish(order, marker);
  await eventually(async () => expect((await commerceOf(app, young)).orderCount).toBe(1));
  expect(await commerceOf(app, userId)).toMatchObject({
    orderCount: 1,
    spent: [{ amount: '10', currency: 'EUR' }],
    history: [],
  });
});

it('retention removes at most its maximum in a run, and the rest in the next', async () => {
  const ids = await Promise.all([1, 2, 3].map(() => createDeactivated(31)));
  const { id: userId } = await createUser(app);
  await app.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1::uuid, 'USER_UPDATED', now(), now() - interval '400 days', $1::text, n, 'Changed', '{}'
     FROM generate_series(1, 50) AS n`,
    [userId],
  );
  const retention = retentionOf(
    { RETENTION_DEACTIVATED_DAYS: 30, RETENTION_HISTORY_DAYS: 365 },
    { users: 2, historyEntries: 30 },
  );
  expect(await retention.run()).toMatchObject({ users: 2, historyEntries: 30 });
  expect(await remaining(ids)).toHaveLength(1);
  expect(await retention.run()).toMatchObject({ users: 1, historyEntries: 20 });
});

it('retention removes nothing while another replica holds the lock', async () => {
  const userId = await createDeactivated(31);
  const retention = retentionOf({ RETENTION_DEACTIVATED_DAYS: 30, RETENTION_HISTORY_DAYS: 365 });
  const release = await database.transaction(async (tx) => {
    // The lock of another replica.
    expect(await tryLock(tx, lockKeys.retention)).toBe(true);
    return retention.run();
  });
  expect(release).toMatchObject({ users: 0, historyEntries: 0 });
  expect(await remaining([userId])).toEqual([userId]);
  expect(await retention.run()).toMatchObject({ users: 1, historyEntries: 0 });
});

/** The counts of removed records. Inactivity removes none. */
function removalsOf({
  inactivityWarnings: _w,
  inactiveUsers: _u,
  ...removals
}: RetentionOutcome): RetentionOutcome {
  return removals;
}

it('retention removes what expires by the map of personal data, except of held users', async () => {
  const expired = await createExpiringRecords(app, { configuredDays: 30, hours: 1 });
  const young = await createExpiringRecords(app, { configuredDays: 30, hours: -1 });
  const held = await createExpiringRecords(app, { configuredDays: 30, hours: 1 });
  for (const { userId } of held)
    await app.sql(
      `INSERT INTO legal_holds (user_id, reason, placed_by, placed_at) VALUES ($1, 'a dispute', 'officer', now())`,
      [userId],
    );

  const metrics = createMetrics();
  const retention = createRetention(
    database,
    {
      RETENTION_DEACTIVATED_DAYS: 30,
      RETENTION_HISTORY_DAYS: 30,
      OUTBOX_RETENTION_DAYS: 30,
      PARKED_RETENTION_DAYS: 30,
    },
    { metrics },
  );
  const plan = removalsOf(await retention.plan());
  expect(await namesOfKept(app, expired)).toEqual(expect.arrayContaining(Object.keys(plan)));
  const outcome = removalsOf(await retention.run());
  await createIntake({ database, metrics, log, waitingDays: 30 }).waiting.sweep('all');

  expect(await namesOfKept(app, expired)).toEqual([]);
  expect(await namesOfKept(app, young)).toEqual(expiries.map(({ name }) => name));
  // Held records stay, except those without a user and those that are parked.
  expect(await namesOfKept(app, held)).toEqual(
    expiries.filter(({ ofUser, action }) => ofUser !== null && action !== 'parked').map(({ name }) => name),
  );
  expect(await retention.findHeld()).toMatchObject({ pendingUsers: 1, outboxEvents: 1, deliveryAttempts: 0 });
  expect(outcome).toEqual(plan);
  expect(Object.keys(outcome)).toEqual(
    expiries.filter(({ action }) => action !== 'parked').map(({ name }) => name),
  );
  const { values } = await metrics.retentionRemovals.get();
  const counted = values.map(({ labels, value }) => [labels.what, value]);
  expect(Object.fromEntries(counted)).toEqual(outcome);
  expect(Object.values(outcome).every((count) => count > 0)).toBe(true);
});
