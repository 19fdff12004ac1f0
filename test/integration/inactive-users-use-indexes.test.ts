import { Database } from '../../src/postgres/database';
import { type InactivityRule, usersToDeactivate, usersToWarn } from '../../src/privacy/inactive-users';
import { startTestApp, type TestApp } from '../testkit/app';
import { planOf, printPlan, storeManyUsers } from '../testkit/user-list-plans';

const rule: InactivityRule = { days: 1, warningDays: 30, countsFromCommit: false };
const users = 5_000;
const pageSize = 1_000;
let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
  await storeManyUsers(app.sql, users);
  await app.sql(
    `INSERT INTO audit_entries (id, user_id, at, actor_id, action, fields)
     SELECT gen_random_uuid(), id, created_at + interval '1 hour', id::text, 'USER_UPDATED', '{}' FROM users`,
  );
  await app.sql(
    `INSERT INTO inactivity_warnings (user_id, last_active_at, event_id, warned_at, published_at)
     SELECT id, created_at, gen_random_uuid(), warned_at, warned_at + interval '1 minute'
     FROM (SELECT id, created_at, now() - make_interval(days => CASE WHEN n <= 20 THEN 31 ELSE 29 END) AS warned_at
       FROM (SELECT id, created_at, row_number() OVER () AS n FROM users) AS numbered) AS warned`,
  );
  for (const table of ['audit_entries', 'inactivity_warnings']) await app.sql(`VACUUM ANALYZE ${table}`);
});
afterAll(() => app.stop());

/** Returns what each node of the plans of these statements reads, and the plans. */
async function rowsReadBy(
  idsOf: (database: Database) => AsyncGenerator<string>,
  position: { at: string; id: string },
): Promise<{ plan: string; rowsRead: number[] }[]> {
  const read: { plan: string; rowsRead: number[] }[] = [];
  const recorder = Object.assign(Object.create(Database.prototype) as Database, {
    query: async (sql: string, parameters: unknown[]) => {
      const nodes = await planOf(app.sql, { name: '', sql, parameters }, 'ANALYZE, TIMING OFF');
      const rowsRead = nodes.map(
        ({ node }) =>
          ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 0),
      );
      read.push({ plan: printPlan(nodes), rowsRead });
      // A full page after the first statement, so that the next page is read, too.
      return read.length === 1 ? Array.from({ length: pageSize }, () => position) : [];
    },
  });
  for await (const _id of idsOf(recorder));
  return read;
}

it.each<[string, number, (database: Database) => AsyncGenerator<string>]>([
  ['to warn', pageSize, (database) => usersToWarn(database, rule)],
  ['to deactivate', 20, (database) => usersToDeactivate(database, rule)],
])('a page of users %s reads at most %i rows of a table of 5,000', async (_what, most, idsOf) => {
  const middle = {
    at: new Date(Date.now() - (users / 2) * 60_000).toISOString(),
    id: '01900000-0000-7000-8000-000000000000',
  };
  const pages = await rowsReadBy(idsOf, middle);
  expect(pages).toHaveLength(2);
  for (const { plan, rowsRead } of pages)
    expect({ plan, rowsRead, most: Math.max(...rowsRead) <= most }).toEqual({ plan, rowsRead, most: true });
});
