import { Client } from 'pg';
import { largestSeal, oldestUnsealed } from '../../src/audit/audit-sealer';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** Adds entries whose ids and positions rise with `n`, as UUIDv7 do; the last `unsealed` of them are queued. */
async function fillQueue(entries: number, unsealed: number): Promise<void> {
  await client.query(
    `WITH written AS (
       INSERT INTO audit_entries (id, at, user_id, action, fields)
       SELECT (lpad(to_hex(n), 12, '0') || '70008' || substr(md5(n::text), 1, 15))::uuid, now(), gen_random_uuid(), 'USER_UPDATED', '{}'
       FROM generate_series(1, $1::int) AS n RETURNING id)
     INSERT INTO audit_unsealed SELECT id FROM written ORDER BY id DESC LIMIT $2`,
    [entries, unsealed],
  );
  await client.query('ANALYZE audit_entries, audit_unsealed');
}

it('sealing reads the first batch of a long queue in order, and neither the rest nor sealed entries', async () => {
  await fillQueue(30_000, 20_000);
  const { rows } = await client.query<{ id: string; position: string }>(oldestUnsealed, [largestSeal]);
  const positions = rows.map(({ position }) => Number(position));
  expect(positions).toEqual(Array.from({ length: largestSeal }, (_, at) => 10_001 + at));

  const explained = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${oldestUnsealed}`, [
    largestSeal,
  ]);
  const [{ Plan: plan }] = explained.rows[0]['QUERY PLAN'];
  // Some pages for each entry of the batch.
  expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThan(largestSeal * 6);
});
