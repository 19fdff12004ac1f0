import { randomUUID } from 'node:crypto';
import { personalDataMap } from '../../src/personal-data/personal-data-map';
import { startTestApp, type TestApp } from '../testkit/app';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

it('the parked messages of a user with 300 orders are found by indexes among 40,000', async () => {
  const userId = randomUUID();
  await app.sql(
    `INSERT INTO user_orders (order_id, user_id) SELECT 'order-' || n, CASE WHEN n <= 300 THEN $1::uuid
       ELSE gen_random_uuid() END FROM generate_series(1, 5000) AS n`,
    [userId],
  );
  await app.sql(
    `INSERT INTO parked_messages (id, fingerprint, reason, detail, user_id, named_user_ids, named_order_ids, exchange,
       routing_key, headers, body, attempts)
     SELECT gen_random_uuid(), n, 'UNKNOWN_TYPE', '', CASE n WHEN 1 THEN $1::uuid END,
       ARRAY[CASE n WHEN 2 THEN $1::uuid ELSE gen_random_uuid() END],
       ARRAY[CASE n WHEN 3 THEN 'order-300' ELSE 'other-' || n END], 'x', 'x', '{}', convert_to(repeat('x', 700), 'UTF8'), 1
     FROM generate_series(1, 40000) AS n`,
    [userId],
  );
  await app.sql('ANALYZE parked_messages');
  await app.sql('ANALYZE user_orders');
  const { ofUser } = personalDataMap['parked_messages'] as { ofUser: string };
  const select = `SELECT fingerprint FROM parked_messages WHERE ${ofUser}`;
  const found = await app.sql<{ fingerprint: string }>(select, [userId]);
  expect(found.map(({ fingerprint }) => fingerprint).sort()).toEqual(['1', '2', '3']);
  const plan = await app.sql<{ 'QUERY PLAN': string }>(`EXPLAIN ${select.replaceAll('$1', `'${userId}'`)}`);
  const text = plan.map((line) => line['QUERY PLAN']).join('\n');
  expect(text).not.toContain('Seq Scan on parked_messages');
  for (const column of ['user_id', 'named_user_ids', 'named_order_ids'])
    expect(text).toContain(`parked_messages_${column}_idx`);
});
