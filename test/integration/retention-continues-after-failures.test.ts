import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { createUpkeep } from '../../src/upkeep';
import { UserNotFoundError } from '../../src/users/user.errors';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { createExpiringRecords, namesOfKept } from '../testkit/expiring-records';
import { createReplicaServices, createRetention, keepsEverything } from '../testkit/retention';
import { createUser, mutate } from '../testkit/users';

const log = createLogger({ level: 'silent' });
let app: TestApp;
let database: Database;
beforeAll(async () => {
  app = await startTestApp();
  database = openDatabase(app.databaseUrl, log);
  await database.connect();
});
afterAll(async () => {
  await database.close();
  await app.stop();
});

it('upkeep stops after its current batch of retention', async () => {
  const { id } = await createUser(app);
  await app.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1::uuid, 'USER_UPDATED', now(), now() - interval '40 days', $1::text, n, 'Changed', '{}'
     FROM generate_series(1, 2500) AS n`,
    [id],
  );
  const metrics = createMetrics();
  const policy = { ...keepsEverything, RETENTION_HISTORY_DAYS: 30 };
  const services = createReplicaServices(database, metrics);
  const upkeep = createUpkeep({
    services,
    background: database,
    removals: database,
    policy,
    inactivityRule: null,
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

it('upkeep reports the time of the last run only of runs that removed everything', async () => {
  const { id: userId } = await createUser(app);
  await mutate(app, 'deactivateUser', { userId });
  await app.sql("UPDATE users SET status_changed_at = now() - interval '40 days' WHERE id = $1", [userId]);
  await app.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.id = '${userId}' THEN RAISE EXCEPTION 'cannot be erased'; END IF; RETURN OLD; END $$`);
  await app.sql('CREATE TRIGGER refuse BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION refuse()');
  const metrics = createMetrics();
  const upkeep = createUpkeep({
    services: createReplicaServices(database, metrics),
    background: database,
    removals: database,
    policy: { ...keepsEverything, RETENTION_DEACTIVATED_DAYS: 30 },
    inactivityRule: null,
    metrics,
    log,
    retentionIntervalMs: 10,
  });
  const valuesOf = async (metric: 'retentionFailures' | 'retentionLastSuccess') =>
    (await metrics[metric].get()).values.map(({ value }) => value);
  upkeep.start();
  await eventually(async () => expect((await valuesOf('retentionFailures'))[0]).toBeGreaterThan(1));
  const afterFailures = await valuesOf('retentionLastSuccess');
  await app.sql('DROP FUNCTION refuse CASCADE');
  await eventually(async () => {
    const [seconds = 0] = await valuesOf('retentionLastSuccess');
    expect(Math.abs(Date.now() / 1_000 - seconds)).toBeLessThan(60);
  });
  await upkeep.stop();
  expect(afterFailures).toEqual([]);
});

it('retention skips a reactivated user, a newly deactivated one and one that cannot be erased', async () => {
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
  const [first, reactivated, failing, deactivatedAgain] = ids;
  await app.sql(`CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.id = '${failing}' THEN RAISE EXCEPTION 'cannot be erased'; END IF;
    IF OLD.id = '${first}' THEN
      UPDATE users SET status = 'ACTIVE', status_reason = NULL WHERE id = '${reactivated}';
      UPDATE users SET status_changed_at = now() WHERE id = '${deactivatedAgain}';
    END IF;
    RETURN OLD; END $$`);
  await app.sql('CREATE TRIGGER interfere BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION interfere()');
  const retention = createRetention(database, { RETENTION_DEACTIVATED_DAYS: 30 });
  await expect(retention.run()).rejects.toThrow('1 of users could not be removed');
  await app.sql('DROP FUNCTION interfere CASCADE');
  const left = await app.sql<{ id: string }>('SELECT id FROM users WHERE id = ANY ($1)', [ids]);
  expect(new Set(left.map(({ id }) => id))).toEqual(new Set([reactivated, failing, deactivatedAgain]));
});

it('retention erases no user who was reactivated after its last check', async () => {
  const { id: userId } = await createUser(app);
  const { erasures } = createReplicaServices(database, createMetrics());
  const caller = { actor: { id: 'retention', scopes: new Set<string>() }, traceparent: null };
  const erase = () => erasures.erase(caller, { userId, policy: 'RETENTION_DEACTIVATED_DAYS' });
  await expect(erase()).rejects.toBeInstanceOf(UserNotFoundError);
  expect(await app.sql('SELECT status FROM users WHERE id = $1', [userId])).toEqual([{ status: 'ACTIVE' }]);
  await mutate(app, 'deactivateUser', { userId });
  expect(await erase()).toMatchObject({ userId, status: 'COMPLETED' });
});

describe.each([
  { name: 'users', status: 'DEACTIVATED', since: 'status_changed_at' },
  { name: 'pendingUsers', status: 'PENDING', since: 'created_at' },
])('a run that removes $name', ({ name, status, since }) => {
  const failingCount = 25;
  const limits = { [name]: 2 };
  const policy = { RETENTION_DEACTIVATED_DAYS: 30 };

  /** Creates this many expired users and returns their ids in the order of expiry. */
  async function createExpired(count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => uuidv7());
    await app.sql(
      `INSERT INTO users SELECT (jsonb_populate_record(one, jsonb_build_object('id', new_id, 'status', $2::text,
         'email_normalized', new_id, 'username_normalized', new_id,
         $3::text, now() - make_interval(days => 90) + make_interval(secs => at / 3)))).*
       FROM users AS one, unnest($1::uuid[]) WITH ORDINALITY AS them (new_id, at) WHERE one.id = $4`,
      [ids, status, since, (await createUser(app)).id],
    );
    return ids;
  }
  const remaining = async (ids: string[]) =>
    new Set(
      (await app.sql<{ id: string }>('SELECT id FROM users WHERE id = ANY ($1)', [ids])).map(({ id }) => id),
    );

  it('continues after failing and held users, logs the ids of failing ones, and throws', async () => {
    const ids = await createExpired(failingCount + 6);
    const [held, failing, behind] = [ids.slice(0, 3), ids.slice(3, -3), ids.slice(-3)];
    await app.sql(
      `INSERT INTO legal_holds (user_id, reason, placed_by, placed_at)
       SELECT id, 'a dispute', 'officer', now() FROM unnest($1::uuid[]) AS id`,
      [held],
    );
    await app.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF OLD.id = ANY ('{${failing.join()}}') THEN RAISE EXCEPTION '% cannot be erased', OLD.email; END IF;
      RETURN OLD; END $$`);
    await app.sql('CREATE TRIGGER refuse BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION refuse()');
    const logged: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void logged.push(JSON.parse(line)) };
    const metrics = createMetrics();
    const retention = createRetention(database, policy, {
      limits,
      metrics,
      log: createLogger({ level: 'warn', destination }),
    });
    const failed = { message: `${failingCount} of ${name} could not be removed: the log has their ids` };
    try {
      await expect(retention.run()).rejects.toMatchObject(failed);
      expect(await remaining(ids)).toEqual(new Set([...held, ...failing, behind[2]]));
      expect(logged.slice(0, -1)).toEqual(
        failing.slice(0, 20).map((userId) => ({
          level: 'error',
          time: expect.any(String),
          userId,
          what: name,
          err: { name: 'QueryFailedError', code: 'P0001', at: expect.any(String) },
          msg: 'could not remove an expired user',
        })),
      );
      expect(logged.at(-1)).toMatchObject({ level: 'error', what: name, others: failingCount - 20 });
      expect((await metrics.retentionFailures.get()).values).toEqual([
        { labels: { what: name }, value: failingCount },
      ]);
      expect((await metrics.retentionRemovals.get()).values).toContainEqual({
        labels: { what: name },
        value: 2,
      });

      await expect(retention.run()).rejects.toMatchObject(failed);
      expect(await remaining(ids)).toEqual(new Set([...held, ...failing]));
    } finally {
      await app.sql('DROP FUNCTION refuse CASCADE');
    }
    expect(await retention.run()).toMatchObject({ [name]: 2 });
    expect(await remaining(ids)).toEqual(new Set([...held, ...failing.slice(2)]));
    // Otherwise retention removes them in the next test, with a commit for each, before what that test waits for.
    await app.sql('DELETE FROM legal_holds WHERE user_id = ANY ($1)', [ids]);
    await app.sql('DELETE FROM users WHERE id = ANY ($1)', [ids]);
  });
});

it('upkeep runs retention periodically', async () => {
  const records = await createExpiringRecords(app, { configuredDays: 30, hours: 1 });
  const withoutSetting = records.filter(({ expiry }) => typeof expiry.days === 'number');
  const metrics = createMetrics();
  const upkeep = createUpkeep({
    services: createReplicaServices(database, metrics),
    background: database,
    removals: database,
    policy: keepsEverything,
    inactivityRule: null,
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
