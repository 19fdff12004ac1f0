import { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { createUpkeep } from '../../src/upkeep';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { createExpiringRecords, namesOfKept } from '../testkit/expiring-records';
import { createOtherServices, createRetention, keepsEverything } from '../testkit/retention';
import { createUser, mutate } from '../testkit/users';

const log = createLogger({ level: 'silent' });
let app: TestApp;
let database: Database;
beforeAll(async () => {
  app = await startTestApp();
  database = new Database(app.databaseUrl, log);
  await database.connect();
});
afterAll(async () => {
  await database.close();
  await app.stop();
});

it('stops after the batch in hand, and leaves the rest', async () => {
  const { id } = await createUser(app);
  await app.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1::uuid, 'USER_UPDATED', now(), now() - interval '40 days', $1::text, n, 'Changed', '{}'
     FROM generate_series(1, 2500) AS n`,
    [id],
  );
  const metrics = createMetrics();
  const policy = { ...keepsEverything, RETENTION_HISTORY_DAYS: 30 };
  const services = createOtherServices(database, metrics);
  const upkeep = createUpkeep({
    services,
    background: database,
    policy,
    metrics,
    log,
    retentionIntervalMs: 10,
  });
  const firstBatch = new Promise<void>((resolve) => {
    jest.spyOn(metrics.retentionRemovals, 'inc').mockImplementation((...given: unknown[]) => {
      if (given[1] !== 1_000) return;
      resolve(upkeep.stop());
    });
  });
  upkeep.start();
  await firstBatch;
  expect(await createRetention(database, policy).plan()).toMatchObject({ historyEntries: 1_500 });
});

it('erases the others when one user is in use again, one left only now, and one cannot be erased', async () => {
  const ids: string[] = [];
  for (const days of [45, 44, 43, 42, 41]) {
    const { id: userId } = await createUser(app);
    await mutate(app, 'deactivateUser', { userId });
    await app.sql('UPDATE users SET status_changed_at = now() - make_interval(days => $2) WHERE id = $1', [
      userId,
      days,
    ]);
    ids.push(userId);
  }
  const [first, reactivated, failing, again] = ids;
  await app.sql(`CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.id = '${failing}' THEN RAISE EXCEPTION 'cannot be erased'; END IF;
    IF OLD.id = '${first}' THEN
      UPDATE users SET status = 'ACTIVE', status_reason = NULL WHERE id = '${reactivated}';
      UPDATE users SET status_changed_at = now() WHERE id = '${again}';
    END IF;
    RETURN OLD; END $$`);
  await app.sql('CREATE TRIGGER interfere BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION interfere()');
  const retention = createRetention(database, { RETENTION_DEACTIVATED_DAYS: 30 });
  await expect(retention.run()).rejects.toThrow('cannot be erased');
  const left = await app.sql<{ id: string }>('SELECT id FROM users WHERE id = ANY ($1)', [ids]);
  expect(new Set(left.map(({ id }) => id))).toEqual(new Set([reactivated, failing, again]));
});

it('is done by the service itself, every so often', async () => {
  const records = await createExpiringRecords(app, { daysUnlessFixed: 30, hours: 1 });
  const withoutSetting = records.filter(({ expiry }) => typeof expiry.days === 'number');
  const metrics = createMetrics();
  const upkeep = createUpkeep({
    services: createOtherServices(database, metrics),
    background: database,
    policy: keepsEverything,
    metrics,
    log,
    retentionIntervalMs: 10,
  });
  upkeep.start();
  try {
    await eventually(async () => expect(await namesOfKept(app, withoutSetting)).toEqual([]));
  } finally {
    await upkeep.stop();
  }
});
