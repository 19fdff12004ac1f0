import { openDatabase } from '../../src/data-source';
import { laneCount } from '../../src/outbox/outbox';
import { findLanesWithPending, findPending } from '../../src/outbox/pending-events.repository';
import type { Database } from '../../src/postgres/database';
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

const fill = (events: number, publishedAt: string) =>
  database.query(
    `INSERT INTO outbox_events (id, lane, user_id, version, type, data, occurred_at, published_at)
     SELECT gen_random_uuid(), n % $2, gen_random_uuid(), 1, 'UserUpdated', '{}', now(), ${publishedAt}
     FROM generate_series(1, $1::int) AS n`,
    [events, laneCount],
  );

/** Returns how many pages PostgreSQL reads for the statement that `read` sends. */
async function pagesOf(read: (run: Pick<Database, 'query'>) => Promise<unknown>): Promise<number> {
  const sent: { sql: string; parameters: unknown[] | undefined }[] = [];
  await read({
    query: async (sql, parameters) => {
      sent.push({ sql, parameters });
      return [];
    },
  });
  let pages = 0;
  for (const { sql, parameters } of sent) {
    const explain = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`;
    const [row] = await database.query<any>(explain, parameters);
    const [{ Plan: plan }] = row['QUERY PLAN'];
    pages += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
  }
  return pages;
}

it('the relay reads only the events of a pass from a backlog that is newer than the statistics', async () => {
  await fill(5_000, 'now()');
  await database.query('ANALYZE outbox_events');
  await fill(20_000, 'NULL');
  const lanes = Array.from({ length: laneCount }, (_, lane) => lane);
  const limitPerLane = 50;
  const pass = await pagesOf((manager) =>
    findPending({ manager } as never, { lanes, limitPerLane, heldBack: [] }),
  );
  // Some pages for each event of the pass.
  expect(pass).toBeLessThan(laneCount * limitPerLane * 6);
  expect(await pagesOf((it) => findLanesWithPending(it as Database))).toBeLessThan(100);
});
