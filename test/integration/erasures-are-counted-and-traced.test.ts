import { randomUUID } from 'node:crypto';
import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { createErasureLoop } from '../../src/privacy/erasure-loop';
import { InProcessRecordCache } from '../../src/redis/in-process-record-cache';
import { createServices, type Services } from '../../src/services';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics';
import { LegalHoldError } from '../../src/users/user.errors';
import { eventually } from '../testkit/eventually';
import { lockTable } from '../testkit/locked-table';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const officer = { actor: { id: 'officer', scopes: new Set(['users:privacy']) }, traceparent };
let testDatabase: TestDatabase;
let database: Database;
let metrics: Metrics;
let logged: Record<string, unknown>[];
let services: Services;
let userId: string;
const log = createLogger({
  level: 'info',
  readable: false,
  destination: { write: (line: string) => void logged.push(JSON.parse(line)) },
});
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, createLogger({ level: 'silent' }));
  await database.connect();
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});
beforeEach(async () => {
  logged = [];
  metrics = createMetrics();
  services = createReplica();
  userId = await createPerson();
});

const createReplica = (erasurePatienceMs = 0) =>
  createServices({
    database,
    recordCache: new InProcessRecordCache(),
    metrics,
    log,
    authenticationServiceUrl: null,
    erasurePatienceMs,
  });
async function createPerson(): Promise<string> {
  const email = `${randomUUID()}@example.com`;
  return (await services.userService.create(officer, { email, firstName: 'Ada', lastName: 'Lovelace' })).id;
}
const sql = <Row>(text: string, ...parameters: unknown[]) => database.query<Row>(text, parameters);
const makeDue = (id: string) => sql(`UPDATE erasures SET scheduled_for = now() WHERE id = $1`, id);
const counted = async (metric: 'scheduledErasures' | 'erasureFailures') =>
  Object.fromEntries(
    (await metrics[metric].get()).values.map(({ labels, value }) => [Object.values(labels).join(), value]),
  );
const tracesOf = async (types: string) => {
  const events = await sql<{ type: string; traceparent: string | null }>(
    'SELECT type, traceparent FROM outbox_events WHERE user_id = $1 AND type LIKE $2 ORDER BY position',
    userId,
    types,
  );
  return events.map((event) => [event.type, event.traceparent]);
};

it('a scheduled erasure is counted, and continues the trace of its request, when it begins and ends', async () => {
  const { erasures, scheduledErasures } = services;
  await erasures.erase(officer, { userId, graceDays: 3 });
  await erasures.erase(officer, { userId, graceDays: 3 });
  expect(await counted('scheduledErasures')).toEqual({ scheduled: 1 });
  await scheduledErasures.cancel(officer, userId);
  expect(await counted('scheduledErasures')).toEqual({ scheduled: 1, cancelled: 1 });
  expect(await tracesOf('UserErasure%')).toEqual([
    ['UserErasureScheduled', traceparent],
    ['UserErasureCancelled', traceparent],
  ]);
  const { id } = await erasures.erase(officer, { userId, graceDays: 3 });
  await scheduledErasures.start(id);
  expect(await counted('scheduledErasures')).toEqual({ scheduled: 2, cancelled: 1 });
  await makeDue(id);
  await scheduledErasures.start(id);
  await scheduledErasures.start(id);
  expect(await counted('scheduledErasures')).toEqual({ scheduled: 2, cancelled: 1, started: 1 });
});

it('an erasure that staff scheduled without a reason is audited without one when it starts', async () => {
  const { erasures, scheduledErasures } = services;
  const { id } = await erasures.erase(officer, { userId, graceDays: 3 });
  await makeDue(id);
  await scheduledErasures.start(id);
  const entries = await sql(
    `SELECT action, actor_id, reason FROM audit_entries WHERE user_id = $1 AND action LIKE '%ERAS%' ORDER BY position`,
    userId,
  );
  expect(entries).toEqual([
    { action: 'ERASURE_SCHEDULED', actor_id: 'officer', reason: null },
    { action: 'USER_ERASED', actor_id: 'officer', reason: null },
  ]);
});

it('a scheduled erasure and its cancellation clear the notes of staff', async () => {
  const status = () => sql('SELECT status, status_reason, status_notes FROM users WHERE id = $1', userId);
  const note = () => sql(`UPDATE users SET status_notes = 'noted by staff' WHERE id = $1`, userId);
  await note();
  await services.erasures.erase(officer, { userId, graceDays: 3 });
  const requested = { status: 'DEACTIVATED', status_reason: 'USER_REQUESTED', status_notes: null };
  expect(await status()).toEqual([requested]);
  await note();
  await services.scheduledErasures.cancel(officer, userId);
  expect(await status()).toEqual([{ status: 'ACTIVE', status_reason: null, status_notes: null }]);
});

it('the plan of a scheduled erasure says when it is due, and nothing with 0 days', async () => {
  const { erasures } = services;
  const { scheduledFor } = await erasures.erase(officer, { userId, graceDays: 3 });
  expect(await erasures.plan(officer, { userId })).toMatchObject({ scheduledFor });
  expect(await erasures.plan(officer, { userId, graceDays: 9 })).toMatchObject({ scheduledFor });
  expect(await erasures.plan(officer, { userId, graceDays: 0 })).toMatchObject({ scheduledFor: null });
});

it('an erasure continues the trace of its request, and is not completed before it was requested', async () => {
  const { id } = await services.erasures.erase(officer, { userId });
  expect(await tracesOf('UserErased')).toEqual([['UserErased', traceparent]]);
  await sql(`UPDATE erasures SET requested_at = now() + interval '1 hour' WHERE id = $1`, id);
  while (await services.erasures.advance(id));
  expect(await sql('SELECT status FROM erasures WHERE id = $1 AND completed_at = requested_at', id)).toEqual([
    { status: 'COMPLETED' },
  ]);
});

it('a batch empties and deletes at most its maximum together', async () => {
  await sql(
    `INSERT INTO idempotency_keys (actor_id, key, input_digest, user_id, outcome, created_at)
     SELECT CASE WHEN n > 700 THEN $1::text ELSE 'importer' END, n::text, '', $1::uuid, 'UserUpdated', now()
     FROM generate_series(1, 1400) AS n`,
    userId,
  );
  const { id } = await services.erasures.erase(officer, { userId });
  const left = async () => {
    const rows = await sql(
      'SELECT 1 FROM idempotency_keys WHERE user_id = $1 OR actor_id = $1::text',
      userId,
    );
    return rows.length;
  };
  expect(await left()).toBe(1_400);
  expect(await services.erasures.advance(id)).toBe(true);
  expect(await left()).toBeGreaterThanOrEqual(400);
  while (await services.erasures.advance(id));
  expect(await left()).toBe(0);
});

it('a legal hold that is placed again keeps its time', async () => {
  const { erasures, legalHolds } = services;
  await legalHolds.place(officer, { userId, reason: 'a dispute' });
  await sql(`UPDATE legal_holds SET placed_at = '2026-01-02T03:04:05Z' WHERE user_id = $1`, userId);
  const another = { ...officer, actor: { ...officer.actor, id: 'another' } };
  await legalHolds.place(another, { userId, reason: 'more' });
  const holds = await sql('SELECT reason, placed_by FROM legal_holds WHERE user_id = $1', userId);
  expect(holds).toEqual([{ reason: 'a dispute', placed_by: 'officer' }]);
  const erasing = erasures.erase(officer, { userId });
  await expect(erasing).rejects.toBeInstanceOf(LegalHoldError);
  await expect(erasing).rejects.toMatchObject({ heldSince: new Date('2026-01-02T03:04:05Z') });
});

it('an erasure that takes longer than its caller waits is left to the loop without a warning', async () => {
  const table = await lockTable(testDatabase.url, 'user_history');
  try {
    expect(await createReplica(300).erasures.erase(officer, { userId })).toMatchObject({ status: 'RUNNING' });
  } finally {
    await table.release();
  }
  expect(logged).toEqual([]);
});

it('each erasure that the loop cannot start or continue is counted and one is logged', async () => {
  await sql('UPDATE erasures SET status = $1 WHERE status = $2', 'COMPLETED', 'RUNNING');
  const others = [await createPerson(), await createPerson()];
  const scheduled = await services.erasures.erase(officer, { userId, graceDays: 3 });
  await makeDue(scheduled.id);
  for (const other of others) await services.erasures.erase(officer, { userId: other });
  const { erasures } = services;
  jest.spyOn(erasures, 'advance').mockRejectedValue(new Error('cannot continue'));
  const scheduledErasures = {
    findDue: services.scheduledErasures.findDue.bind(services.scheduledErasures),
    start: () => Promise.reject(new Error('cannot start')),
  };
  const loop = createErasureLoop({ erasures, scheduledErasures, metrics, log, pollIntervalMs: 600_000 });
  loop.start();
  await eventually(() => expect(logged).toHaveLength(1));
  await loop.stop();
  expect(logged[0]).toMatchObject({ level: 'warn', failed: 3, erasureId: scheduled.id });
  expect(await counted('erasureFailures')).toEqual({ '': 3 });
});
