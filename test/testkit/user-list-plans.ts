import { Database } from '../../src/postgres/database';
import type { UserFilter } from '../../src/users/lists/user-filter';
import { UserListRepository } from '../../src/users/lists/user-list.repository';
import { newestFirst, type UserOrder, userOrderFields } from '../../src/users/lists/user-order';

/** Runs a statement and returns its rows. */
type RunSql = <Row = Record<string, unknown>>(text: string, parameters?: unknown[]) => Promise<Row[]>;

/** A statement that a list of users runs. */
export interface ListStatement {
  /** What is listed, such as `search, frequent, by LAST_NAME ASC`. */
  readonly name: string;
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

/** A filter that matches many users and one that matches few, of this many that `storeManyUsers` stored. */
const filtersOf = (users: number): Readonly<Record<string, UserFilter>> => ({
  'status, frequent': { status: ['ACTIVE'] },
  'status, rare': { status: ['PENDING'] },
  'two statuses': { status: ['PENDING', 'DEACTIVATED'] },
  'emailVerification, frequent': { emailVerification: ['VERIFIED'] },
  'emailVerification, rare': { emailVerification: ['PENDING'] },
  'created, frequent': { createdFrom: minutesAgo(users * 0.9), createdTo: minutesAgo(users * 0.1) },
  'created, rare': { createdFrom: minutesAgo(users * 0.501), createdTo: minutesAgo(users * 0.5) },
  'updated, rare': { updatedFrom: minutesAgo(20) },
  'lastSeen, frequent': { lastSeenFrom: minutesAgo(users) },
  'lastSeen, rare': { lastSeenFrom: minutesAgo(20) },
  'search, frequent': { search: 'jose' },
  'search, rare': { search: 'José García-aa' },
  'search, rare, of old users': { search: 'user120' },
  'search, unique': { search: `user${users - (users % 3)}` },
  ids: { ids: ['01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-0000000000ff'] },
  username: { username: 'user3' },
  phoneNumber: { phoneNumber: '+12000000002' },
  'orderCountMin, frequent': { orderCountMin: 1 },
  'orderCountMin, rare': { orderCountMin: 35 },
  'orderCountMax, frequent': { orderCountMax: 2 },
  'spentMin, frequent': { spentMin: { currency: 'EUR', amount: '10' } },
  'spentMin, rare': { spentMin: { currency: 'USD', amount: '3000' } },
  'two filters': { status: ['ACTIVE'], search: 'jose', orderCountMin: 1 },
});

/** Inserts users with commerce and search terms, then updates PostgreSQL's statistics. The same number has the same rows. */
export async function storeManyUsers(sql: RunSql, users: number): Promise<void> {
  const part = (seed: number) => `(hashint4extended(n, ${seed}) & 65535)::float8 / 65536`;
  const oneOf = (values: readonly string[], seed: number) =>
    `(ARRAY['${values.join("','")}'])[1 + floor(${part(seed)} * ${values.length})::int]`;
  const letter = (seed: number) => `chr(97 + floor(${part(seed)} * 26)::int)`;
  const first = [
    'José',
    'Ada',
    'Mary',
    'John',
    'Anna',
    'Peter',
    'Zoë',
    'Ludwig',
    'Ming',
    'Aïcha',
    'Olga',
    'Yuki',
  ];
  const last = [
    'García',
    'Lovelace',
    'Smith',
    'Müller',
    'Novák',
    'Kowalski',
    'Silva',
    'Nguyen',
    'Kim',
    'Ivanov',
  ];
  await sql(
    `INSERT INTO users (id, email, email_normalized, username, username_normalized, first_name, first_name_normalized,
       last_name, last_name_normalized, phone_number, email_verification, status, status_changed_at, version, revision,
       created_at, updated_at)
     SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, e, e, u, u, f, lower(f), l, lower(l),
       CASE WHEN n % 2 = 0 THEN '+1' || (2000000000 + n) END,
       CASE WHEN n % 10 = 0 THEN 'UNVERIFIED' WHEN n % 5000 = 1 THEN 'PENDING' ELSE 'VERIFIED' END,
       CASE WHEN n % 50 = 7 THEN 'DEACTIVATED' WHEN n % 5000 = 3 THEN 'PENDING' ELSE 'ACTIVE' END, t, 1, 1, t,
       t + ${part(1)} * (now() - t)
     FROM (SELECT *, CASE WHEN n % 3 = 0 THEN 'user' || n ELSE e END AS u FROM
       (SELECT *, lower(f || '.' || l || n || '@example.com') AS e, now() - ($1::int - n) * interval '1 minute' AS t FROM
         (SELECT n, ${oneOf(first, 2)} AS f, ${oneOf(last, 3)} || '-' || ${letter(4)} || ${letter(5)} AS l
          FROM generate_series(1, $1::int) AS n) AS names) AS addresses) AS named`,
    [users],
  );
  await sql(
    `INSERT INTO user_commerce (user_id, order_count) SELECT id, floor(-5 * ln(1 - ${part(6)}))::int
     FROM (SELECT id, row_number() OVER ()::int AS n FROM users) AS numbered WHERE n % 2 = 0`,
  );
  await sql(
    `INSERT INTO user_spending (user_id, currency, amount)
     SELECT user_id, CASE WHEN n % 10 = 0 THEN 'USD' ELSE 'EUR' END, round((order_count * 100 * ${part(7)})::numeric, 2)
     FROM (SELECT *, row_number() OVER ()::int AS n FROM user_commerce) AS numbered WHERE order_count > 0`,
  );
  await sql(
    `INSERT INTO user_activity (user_id, last_seen_at)
     SELECT id, now() - (now() - created_at) * ${part(8)} FROM
       (SELECT id, created_at, row_number() OVER ()::int AS n FROM users) AS numbered WHERE n % 5 > 0`,
  );
  for (const table of [
    'users',
    'user_activity',
    'unseen_users',
    'user_search',
    'user_commerce',
    'user_spending',
  ])
    await sql(`VACUUM ANALYZE ${table}`);
}

/** Returns how many users match each condition, up to a limit, as the statement that counts them does. */
type Probe = (statement: ListStatement) => Promise<{ counts: string[] }[]>;

/** Returns counts by the names of the filters, as if a million users were stored. */
export const declaredRarity: Probe = async ({ name, sql }) => {
  const conditions = sql.match(/SELECT count/g) ?? [];
  return [{ counts: conditions.map(() => (/frequent|two filters/.test(name) ? '2501' : '1')) }];
};

interface ListStatementsOptions {
  readonly users: number;
  readonly probe: Probe;
  readonly rareMatches?: number;
}

/** Returns the statements of each shape of list: orders, ends, filters that match many or few users, and counts. */
export async function listStatements({
  users,
  probe,
  rareMatches,
}: ListStatementsOptions): Promise<ListStatement[]> {
  const statements: ListStatement[] = [];
  let name = '';
  const recorder = Object.assign(Object.create(Database.prototype) as Database, {
    query: async (sql: string, parameters: unknown[]) => {
      const isProbe = sql.startsWith('SELECT ARRAY');
      const statement = {
        name: isProbe ? `${name}, probed` : name,
        sql: sql.replace(/\s+/g, ' ').trim(),
        parameters,
      };
      statements.push(statement);
      return isProbe ? probe(statement) : [];
    },
  });
  const lists = new UserListRepository(recorder, rareMatches);
  const page = { limit: 21, after: null, before: null, backward: false };
  const byName: UserOrder = { field: 'LAST_NAME', direction: 'ASC' };
  const textOf = ({ field, direction }: UserOrder) => `by ${field} ${direction}`;
  const positionOf = ({ field }: UserOrder) => ({
    at:
      field === 'LAST_NAME'
        ? 'kim-k'
        : minutesAgo(users / 2)
            .toISOString()
            .replace('Z', '000Z'),
    id: '01900000-0000-7000-8000-000000000000',
  });
  for (const field of userOrderFields)
    for (const direction of ['ASC', 'DESC'] as const) {
      const order = { field, direction };
      name = textOf(order);
      await lists.list({}, { ...page, order });
      name = `${textOf(order)}, half of the users further`;
      await lists.list({}, { ...page, order, after: positionOf(order) });
      name = `${textOf(order)}, last users before the middle`;
      await lists.list({}, { ...page, order, before: positionOf(order), backward: true });
    }
  for (const [filterName, filter] of Object.entries(filtersOf(users))) {
    for (const order of [newestFirst, byName]) {
      name = `${filterName}, ${textOf(order)}`;
      await lists.list(filter, { ...page, order });
    }
    name = `${filterName}, counted`;
    await lists.count(filter);
  }
  return statements;
}

/** Returns a statement without the list of columns, which grows with `User`. */
export const withoutColumns = ({ sql }: ListStatement) =>
  sql.replace(/SELECT id, .*? AS part\b/g, 'SELECT …');

/** A node of a plan, as EXPLAIN (FORMAT JSON) prints it. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Returns all nodes of a statement's plan, from the top, with the depth of each. */
export async function planOf(
  sql: RunSql,
  { sql: text, parameters }: ListStatement,
  options: string,
): Promise<{ node: PlanNode; depth: number }[]> {
  const [row] = await sql<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (FORMAT JSON, ${options}) ${text}`,
    [...parameters],
  );
  const nodes: { node: PlanNode; depth: number }[] = [];
  const add = (node: PlanNode, depth: number) => {
    nodes.push({ node, depth });
    for (const inner of node.Plans ?? []) add(inner, depth + 1);
  };
  if (row) add(row['QUERY PLAN'][0].Plan, 0);
  return nodes;
}

/** Returns the plan as text: a line for each node, with its index or table. */
export function printPlan(nodes: readonly { node: PlanNode; depth: number }[]): string {
  return nodes
    .map(({ node, depth }) => {
      const where = node['Index Name'] ?? node['Relation Name'];
      return `${'  '.repeat(depth)}${node['Node Type']}${where ? ` ${where}` : ''}`;
    })
    .join('\n');
}
