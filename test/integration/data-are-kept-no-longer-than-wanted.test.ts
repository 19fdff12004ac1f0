import { Database } from '../../src/postgres/database';
import { Retention, type RetentionOutcome, type RetentionPolicy } from '../../src/privacy/retention';
import { InProcessRecordCache } from '../../src/redis/in-process-record-cache';
import { createServices } from '../../src/services';
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
import { createUser, mutate } from '../testkit/users';

const log = createLogger({ level: 'silent' });
let app: TestApp;
let officer: string;
let database: Database;
let others: ForeignService;

beforeAll(async () => {
  app = await startTestApp();
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
  database = new Database(app.databaseUrl, log);
  await database.connect();
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await database.close();
  await app.stop();
});

function retentionOf(policy: Partial<RetentionPolicy>, limits?: RetentionOutcome): Retention {
  const metrics = createMetrics();
  const recordCache = new InProcessRecordCache();
  const { erasures, audit } = createServices({
    database,
    recordCache,
    metrics,
    log,
    authenticationServiceUrl: null,
  });
  return new Retention({
    database,
    erasures,
    audit,
    policy: { deactivatedDays: null, historyDays: null, ...policy },
    metrics,
    ...(limits ? { limits } : {}),
  });
}

/** A user who was deactivated so many days ago. */
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

it('keeps everything without a policy', async () => {
  const id = await createDeactivated(4_000);
  const retention = retentionOf({});
  expect([await retention.plan(), await retention.run()]).toEqual([
    { users: 0, historyEntries: 0 },
    { users: 0, historyEntries: 0 },
  ]);
  expect(await remaining([id])).toEqual([id]);
  await mutate(app, 'eraseUser', { userId: id }, officer);
});

it('erases users who were deactivated long ago, as planned; not those who were lately, are in use, or held', async () => {
  const expired = await createDeactivated(31);
  const held = await createDeactivated(31);
  await hold(held);
  const lately = await createDeactivated(29);
  const { id: active } = await createUser(app);
  await app.sql(`UPDATE users SET status_changed_at = now() - interval '90 days' WHERE id = $1`, [active]);

  const retention = retentionOf({ deactivatedDays: 30 });
  expect(await retention.plan()).toEqual({ users: 1, historyEntries: 0 });
  expect(await remaining([expired])).toEqual([expired]);
  expect(await retention.run()).toEqual({ users: 1, historyEntries: 0 });
  const left = await remaining([expired, held, lately, active]);
  expect(new Set(left)).toEqual(new Set([held, lately, active]));
  expect(await app.sql('SELECT requested_by, status FROM erasures WHERE user_id = $1', [expired])).toEqual([
    { requested_by: 'retention', status: 'COMPLETED' },
  ]);
  expect(await retention.run()).toEqual({ users: 0, historyEntries: 0 });
});

it('removes old history in batches, keeps what it added up to, and folds none of it again', async () => {
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

  const retention = retentionOf({ historyDays: 365 });
  const plan = await retention.plan();
  expect(plan).toEqual({ users: 0, historyEntries: 2_302 });
  expect(await Promise.all([retention.run(), retentionOf({ historyDays: 365 }).run()])).toEqual(
    expect.arrayContaining([expect.objectContaining({ users: 0 })]),
  );
  await eventually(async () => {
    await retention.run();
    expect(await retention.plan()).toEqual({ users: 0, historyEntries: 0 });
  });
  const kept = await app.sql(
    `SELECT user_id, count(*)::int AS count FROM user_history WHERE user_id = ANY ($1) GROUP BY 1 ORDER BY 2`,
    [[userId, heldId, young]],
  );
  expect(kept).toEqual([
    { user_id: young, count: 1 },
    { user_id: heldId, count: 2_301 },
  ]);

  // Each batch says what it took from whom, by which policy.
  const told = await app.sql<{ count: number }>(
    `SELECT actor_id, fields, split_part(reason, ':', 1) AS policy,
       sum(split_part(split_part(reason, ': ', 2), ' ', 1)::int)::int AS count
     FROM audit_entries WHERE action = 'HISTORY_EXPIRED' AND user_id = $1 GROUP BY 1, 2, 3`,
    [userId],
  );
  expect(told).toEqual([
    { actor_id: 'retention', fields: ['history'], policy: 'RETENTION_HISTORY_DAYS 365', count: 2_302 },
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

it('says in the audit trail which policy erased a user', async () => {
  const userId = await createDeactivated(31);
  await retentionOf({ deactivatedDays: 30 }).run();
  expect((await auditTrailOf(app, userId)).at(-1)).toMatchObject({
    action: 'USER_ERASED',
    actor: 'retention',
    reason: 'RETENTION_DEACTIVATED_DAYS',
  });
});

it('removes no more in a run than its maximum, and goes on in the next', async () => {
  const ids = await Promise.all([1, 2, 3].map(() => createDeactivated(31)));
  const { id: userId } = await createUser(app);
  await app.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1::uuid, 'USER_UPDATED', now(), now() - interval '400 days', $1::text, n, 'Changed', '{}'
     FROM generate_series(1, 50) AS n`,
    [userId],
  );
  const retention = retentionOf({ deactivatedDays: 30, historyDays: 365 }, { users: 2, historyEntries: 30 });
  expect(await retention.run()).toEqual({ users: 2, historyEntries: 30 });
  expect(await remaining(ids)).toHaveLength(1);
  expect(await retention.run()).toEqual({ users: 1, historyEntries: 20 });
});

it('leaves everything to the replica that is at it', async () => {
  const userId = await createDeactivated(31);
  const retention = retentionOf({ deactivatedDays: 30, historyDays: 365 });
  const release = await database.transaction(async (tx) => {
    // As another replica takes a step.
    await tx.manager.query('SELECT pg_advisory_xact_lock(7305808872)');
    return retention.run();
  });
  expect(release).toEqual({ users: 0, historyEntries: 0 });
  expect(await remaining([userId])).toEqual([userId]);
  expect(await retention.run()).toEqual({ users: 1, historyEntries: 0 });
});
