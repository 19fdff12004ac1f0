import { randomUUID } from 'node:crypto';
import { WaitingEventsRepository } from '../../src/commerce/waiting-events.repository';
import { openDatabase } from '../../src/data-source';
import { personalDataMap } from '../../src/personal-data/personal-data-map';
import { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, createLogger({ level: 'silent' }), 1);
  await database.connect();
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** Adds users with an order each, and events that wait for others. */
async function fill(users: number, events: number): Promise<void> {
  await database.query(
    `INSERT INTO users (id, email, email_normalized, username, username_normalized, first_name, first_name_normalized,
       last_name, last_name_normalized, status, status_changed_at, version, revision, created_at, updated_at)
     SELECT gen_random_uuid(), n, n, n, n, 'a', 'a', 'b', 'b', 'ACTIVE', now(), 1, 1, now(), now()
     FROM generate_series(1, $1::int) AS n`,
    [users],
  );
  await database.query(`INSERT INTO user_orders (order_id, user_id) SELECT 'order-' || email, id FROM users`);
  await database.query(
    `INSERT INTO waiting_events (source, event_id, type, waits_for, waits_for_id, event)
     SELECT '/orders', n, 'OrderPlaced', CASE n % 2 WHEN 0 THEN 'user' ELSE 'order' END,
       CASE n % 2 WHEN 0 THEN gen_random_uuid()::text ELSE 'other-' || n END, '{}' FROM generate_series(1, $1::int) AS n`,
    [events],
  );
  await database.query('ANALYZE users, user_orders, waiting_events');
}

beforeAll(() => fill(3_000, 5_000));

it('a sweep reads no table whole, and a full sweep checks a thousand events with one statement', async () => {
  const plans: any[] = [];
  const explaining = Object.assign(Object.create(Database.prototype) as Database, {
    query: async (sql: string, parameters?: unknown[]) => {
      const explained = await database.query<any>(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, parameters);
      plans.push(explained[0]['QUERY PLAN'][0].Plan);
      return database.query(sql, parameters);
    },
  });
  const waiting = new WaitingEventsRepository(explaining);
  await waiting.findRecentReleasable(200);
  expect(JSON.stringify(plans)).not.toMatch(/"Node Type":"Seq Scan"[^{}]*"Relation Name":"users"/);
  expect(JSON.stringify(plans)).not.toMatch(/"Node Type":"Seq Scan"[^{}]*"Relation Name":"user_orders"/);

  plans.length = 0;
  for await (const events of waiting.findReleasable()) expect(events).toEqual([]);
  expect(JSON.stringify(plans)).not.toContain('Seq Scan');
  expect(plans.map((plan) => plan['Actual Rows'])).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 0]);
});

it('an erasure finds the events that wait for a user, or for an order of the user, by index', async () => {
  const { ofUser } = personalDataMap['waiting_events'] as { ofUser: string };
  const condition = ofUser.replaceAll('$1', `'${randomUUID()}'`);
  const plan = await database.query(`EXPLAIN SELECT event_id FROM waiting_events WHERE ${condition}`);
  expect(JSON.stringify(plan)).not.toContain('Seq Scan on waiting_events');
});
