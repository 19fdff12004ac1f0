import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'pg';
import { pino } from 'pino';
import { migrate } from '../src/data-source';
import {
  listStatements,
  planOf,
  printPlan,
  storeManyUsers,
  withoutColumns,
} from '../test/testkit/user-list-plans';

const users = 1_000_000;

/** Writes the plans of all lists of users at a million users to test/plans/user-lists.txt. */
async function main(): Promise<void> {
  const url = process.env['DATABASE_URL'];
  if (!url) throw new Error('DATABASE_URL must name an empty database');
  await migrate(url, pino({ level: 'silent' }));
  const pool = new Pool({ connectionString: url, max: 1 });
  const sql = async (text: string, parameters?: unknown[]) =>
    (await pool.query(text, parameters)).rows as never[];
  const stored = (await sql('SELECT FROM users LIMIT 1')) as unknown[];
  if (stored.length === 0) await storeManyUsers(sql, users);
  const lines = [`Plans of the lists of users at ${users} users, written by bench/user-list-plans.ts.\n`];
  for (const statement of await listStatements({
    users,
    probe: ({ sql: text, parameters }) => sql(text, [...parameters]),
  })) {
    const plan = printPlan(await planOf(sql, statement, 'COSTS OFF'));
    lines.push(`## ${statement.name}`, withoutColumns(statement), '', plan, '');
  }
  writeFileSync(join(__dirname, '../test/plans/user-lists.txt'), lines.join('\n'));
  await pool.end();
}

void main();
