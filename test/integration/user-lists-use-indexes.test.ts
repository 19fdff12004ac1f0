import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { preparedNameOf } from '../../src/postgres/prepared';
import type { Reader } from '../../src/postgres/read-replicas';
import { UserListRepository } from '../../src/users/lists/user-list.repository';
import { newestFirst } from '../../src/users/lists/user-order';
import { startTestApp, type TestApp } from '../testkit/app';
import {
  declaredRarity,
  type ListStatement,
  listStatements,
  planOf,
  printPlan,
  storeManyUsers,
  withoutColumns,
} from '../testkit/user-list-plans';

const users = 20_000;
let app: TestApp;
let statements: ListStatement[];
beforeAll(async () => {
  app = await startTestApp();
  await storeManyUsers(app.sql, users);
  statements = await listStatements({
    users,
    probe: ({ sql, parameters }) => app.sql(sql, [...parameters]),
    rareMatches: 100,
  });
});
afterAll(() => app.stop());

/** The most rows that a page or a probe reads. */
const fewRows = 2_000;

it('a page of a list reads few of 20,000 users, also where the filter matches only the oldest ones', async () => {
  for (const statement of statements) {
    const { name } = statement;
    if (name.includes('counted') && !name.includes('rare')) continue;
    const nodes = await planOf(app.sql, statement, 'ANALYZE, TIMING OFF');
    const rowsRead = nodes.map(
      ({ node }) =>
        ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 0),
    );
    const plan = printPlan(nodes);
    const few = Math.max(...rowsRead) <= fewRows;
    expect({ name, plan, rowsRead, few }).toEqual({ name, plan, rowsRead, few: true });
  }
});

it('the committed plans at a million users are those of the present statements, and no page scans a table', async () => {
  const present = await listStatements({ users: 1_000_000, probe: declaredRarity });
  const committed = readFileSync(join(__dirname, '../plans/user-lists.txt'), 'utf8');
  const plans = committed.split(/^## /m).slice(1);
  expect(plans.map((plan) => plan.split('\n').slice(0, 2))).toEqual(
    present.map((statement) => [statement.name, withoutColumns(statement)]),
  );
  // A count stops at 10,001 users. A scan finds them soonest if most users match.
  for (const plan of plans)
    if (!/^(status, frequent|two filters), counted\n/.test(plan)) expect(plan).not.toContain('Seq Scan');
});

it('totalCount is exact up to 10,000 users and null beyond, and nothing is counted unless it is selected', async () => {
  const count = async (filter: object, selected = 'totalCount') => {
    const { data, errors } = await app.graphql(
      `query ($filter: UserFilter) { users(filter: $filter, first: 1) { ${selected} } }`,
      { filter },
      { token: app.staff },
    );
    expect(errors).toEqual([]);
    return data.users;
  };
  const [at] = await app.sql<{ first: Date; last: Date }>(
    `SELECT min(created_at) FILTER (WHERE n = 1) AS first, min(created_at) FILTER (WHERE n = 10001) AS last
     FROM (SELECT created_at, row_number() OVER (ORDER BY created_at) AS n FROM users) AS numbered`,
  );
  expect(await count({})).toEqual({ totalCount: null });
  expect(await count({ createdTo: at?.last })).toEqual({ totalCount: 10_000 });
  expect(await count({ createdTo: new Date((at?.last.getTime() ?? 0) + 60_000) })).toEqual({
    totalCount: null,
  });
  expect(await count({ createdTo: at?.first })).toEqual({ totalCount: 0 });
  expect(await count({ orderCountMin: 35, search: 'a' })).toEqual({
    totalCount: Number(
      (
        await app.sql<{ n: string }>(
          `SELECT count(*) AS n FROM users JOIN user_commerce ON user_id = id WHERE order_count >= 35 AND (first_name ^@ 'A' OR username ^@ 'a')`,
        )
      )[0]?.n,
    ),
  });
  const counting = jest.spyOn(UserListRepository.prototype, 'count');
  await count({}, 'nodes { id }');
  expect(counting).not.toHaveBeenCalled();
  await count({}, 'totalCount');
  expect(counting).toHaveBeenCalledTimes(1);
  counting.mockRestore();
});

it('a page without a filter is a prepared statement, which reads positions only for cursors', async () => {
  const sent: string[] = [];
  const query = async (sql: string) => {
    sent.push(sql);
    return [];
  };
  const lists = new UserListRepository({ query } as unknown as Reader);
  const page = { order: newestFirst, limit: 51, after: null, before: null, backward: false };
  await lists.list({}, { ...page, positions: false });
  await lists.list({}, page);
  await lists.list({ status: ['ACTIVE'] }, page);
  const [withoutCursors, withCursors, , filtered] = sent;
  expect(preparedNameOf(withoutCursors)).toBeDefined();
  expect(preparedNameOf(withCursors)).toBeDefined();
  expect(preparedNameOf(filtered)).toBeUndefined();
  expect(withoutCursors).not.toContain('AS at');
  expect(withCursors).toContain('AS at');
});
