import { randomUUID } from 'node:crypto';
import { openDatabase } from '../../src/data-source';
import { getExpiry } from '../../src/personal-data/expiries';
import type { Database } from '../../src/postgres/database';
import { DatabaseUnavailableError } from '../../src/postgres/database-unavailable';
import { type InactivityRule, usersToWarn } from '../../src/privacy/inactive-users';
import { Inactivity } from '../../src/privacy/inactivity';
import { removeUsers } from '../../src/privacy/user-removal';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics';
import { createReplicaServices, createRetention } from '../testkit/retention';
import { storeUsers } from '../testkit/stored-users';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const rule: InactivityRule = { days: 100, warningDays: 30, countsFromCommit: true };
const hourMs = 3_600_000;
let testDatabase: TestDatabase;
let database: Database;
let metrics: Metrics;
let logged: Record<string, unknown>[];
const log = createLogger({
  level: 'info',
  readable: false,
  destination: { write: (line: string) => void logged.push(JSON.parse(line)) },
});
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, createLogger({ level: 'silent' }), 3);
  await database.connect();
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});
beforeEach(() => {
  logged = [];
  metrics = createMetrics();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await sql('DELETE FROM users');
});

const sql = <Row>(text: string, parameters: unknown[] = []) => database.query<Row>(text, parameters);
const counted = async () =>
  Object.fromEntries(
    (await metrics.inactiveUsers.get()).values.map(({ labels, value }) => [labels['action'], value]),
  );
const createInactivity = () =>
  new Inactivity({ ...createReplicaServices(database, metrics), database, rule, metrics, log });

/** Stores users who were active for the last time this many days ago, and returns their ids in order. */
async function storeInactive(count: number, days = 101): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID()).sort();
  await storeUsers(
    { sql: sql as never },
    ids.map((id) => ({ id, state: 'ACTIVE' })),
  );
  const since = 'now() - make_interval(days => $1)';
  await sql(`UPDATE users SET created_at = ${since}`, [days]);
  await sql(`UPDATE user_activity SET last_seen_at = ${since}`, [days]);
  return ids;
}

async function whileRefused(table: string, condition: string, work: () => Promise<unknown>): Promise<void> {
  await sql(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`,
  );
  await sql(
    `CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`,
  );
  try {
    await work();
  } finally {
    await sql('DROP FUNCTION refuse CASCADE');
  }
}

it('a run warns and deactivates the others, removes expired records, logs the user who failed, and throws', async () => {
  const [failing, ...others] = await storeInactive(3);
  await sql(`INSERT INTO delivery_attempts VALUES ('old', 1, now() - interval '8 days')`);
  const run = () => createRetention(database, {}, { metrics, log, inactivity: rule }).run();
  await whileRefused('inactivity_warnings', `NEW.user_id = '${failing}'`, async () => {
    await expect(run()).rejects.toThrow('refused');
  });
  expect(await sql('SELECT user_id AS id FROM inactivity_warnings ORDER BY 1')).toEqual(
    others.map((id) => ({ id })),
  );
  expect(await sql('SELECT FROM delivery_attempts')).toEqual([]);
  expect(logged).toMatchObject([
    { level: 'error', userId: failing, msg: 'could not warn or deactivate an inactive user' },
  ]);
  expect(await counted()).toEqual({ warned: 2 });

  await sql(`UPDATE inactivity_warnings SET warned_at = now() - interval '31 days'`);
  const [stuck, deactivated] = others;
  await whileRefused('users', `NEW.id = '${stuck}'`, async () => {
    await expect(run()).rejects.toThrow('refused');
  });
  const status = await sql('SELECT id, status, status_reason, status_notes FROM users ORDER BY id');
  expect(status.slice(1)).toEqual([
    expect.objectContaining({ id: stuck, status: 'ACTIVE' }),
    { id: deactivated, status: 'DEACTIVATED', status_reason: 'INACTIVITY', status_notes: null },
  ]);
  // The user who failed first is warned now.
  expect(await counted()).toEqual({ warned: 3, deactivated: 1 });
});

it('a server warns again six hours after it checked all users', async () => {
  const inactivity = createInactivity();
  const run = () => inactivity.run((step) => database.transaction(step));
  await storeInactive(1);
  const now = Date.now();
  const at = async (ms: number) => {
    jest.spyOn(Date, 'now').mockReturnValue(now + ms);
    const { inactivityWarnings } = await run();
    jest.restoreAllMocks();
    await sql('DELETE FROM inactivity_warnings');
    return inactivityWarnings;
  };
  expect(await at(0)).toBe(1);
  expect(await at(6 * hourMs - 1)).toBe(0);
  expect(await at(6 * hourMs)).toBe(1);
  expect(await at(12 * hourMs - 1)).toBe(0);
  expect(await at(12 * hourMs)).toBe(1);
});

it.each([
  ['EMAIL_PREFERENCES_UPDATED', 'unsubscribe-link', false],
  ['EMAIL_VERIFIED', null, false],
  ['USER_REACTIVATED', 'staff', false],
  ['USER_UPDATED', 'staff', true],
  ['USER_CREATED', null, true],
])('%s by %s as the last activity leaves a user inactive: %s', async (...[action, actorId, isInactive]) => {
  const [id] = await storeInactive(1);
  await sql(
    `INSERT INTO audit_entries (id, at, actor_id, user_id, action) VALUES (gen_random_uuid(), now(), $1, $2, $3)`,
    [actorId, id, action],
  );
  const found: string[] = [];
  for await (const userId of usersToWarn(database, rule)) found.push(userId);
  expect(found).toEqual(isInactive ? [id] : []);
});

it('a user is inactive from the last of all activities', async () => {
  const [id] = await storeInactive(1, 200);
  const isFound = async () => {
    for await (const _ of usersToWarn(database, rule)) return true;
    return false;
  };
  for (const activity of [
    'UPDATE users SET created_at',
    'UPDATE user_activity SET last_seen_at',
    'UPDATE user_commerce SET last_order_at',
  ]) {
    await sql('INSERT INTO user_commerce (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [id]);
    await sql(`${activity} = now() - interval '99 days'`);
    expect([activity, await isFound()]).toEqual([activity, false]);
    await sql(`${activity} = now() - interval '101 days'`);
    expect([activity, await isFound()]).toEqual([activity, true]);
  }
});

it('a user who cannot be removed while PostgreSQL is away is logged as a warning', async () => {
  const [id] = await storeInactive(1);
  await sql(`UPDATE users SET status = 'PENDING'`);
  const removing = (error: Error) =>
    removeUsers({
      expiry: getExpiry('pendingUsers'),
      days: 1,
      database,
      log,
      metrics,
      limit: 10,
      stopping: undefined,
      underLock: (step) => database.transaction(step),
      remove: () => Promise.reject(error),
    });
  await expect(removing(new DatabaseUnavailableError())).rejects.toThrow('1 of pendingUsers');
  await expect(removing(new Error('refused'))).rejects.toThrow('1 of pendingUsers');
  expect(logged).toMatchObject([
    { level: 'warn', userId: id, what: 'pendingUsers' },
    { level: 'error', userId: id, what: 'pendingUsers' },
  ]);
});

it('retention of history cuts a summary, and remembers events, only of entries that are in the summary', async () => {
  const [changed, ordered] = await storeInactive(2);
  await sql('INSERT INTO user_commerce (user_id) SELECT id FROM users');
  await sql(`UPDATE user_history SET recorded_at = now() - interval '31 days', event_id = user_id::text`);
  await sql(`UPDATE user_history SET type = 'ORDER_PLACED' WHERE user_id = $1`, [ordered]);
  await createRetention(database, { RETENTION_HISTORY_DAYS: 30 }).run();
  expect(await sql('SELECT user_id AS id, history_is_cut AS cut FROM user_commerce ORDER BY 1')).toEqual([
    { id: changed, cut: false },
    { id: ordered, cut: true },
  ]);
  expect(await sql('SELECT event_id FROM erased_events')).toEqual([{ event_id: ordered }]);
});
