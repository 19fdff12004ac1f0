import { Client } from 'pg';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { lockTable } from '../testkit/locked-table';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let commands: CommandLine;
let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  commands = openCommandLine();
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
  await commands.close();
});

/** Imports one row and returns its result. */
async function importRow(row: object): Promise<{ outcome: string; userId?: string }> {
  const env = { DATABASE_URL: database.url };
  const { stdout } = await commands.runAlone(['import', '-', '--json'], env, { stdin: JSON.stringify(row) });
  return JSON.parse(stdout);
}

it('import prints exists for a row that a concurrent import created, also when the user changed since', async () => {
  const row = { email: 'ada@example.com', firstName: 'Ada', lastName: 'Lovelace' };
  const { userId } = await importRow(row);
  await client.query(`UPDATE users SET first_name = 'Augusta'`);
  // Hides the key, as if the first import were not committed when the second one reads the keys.
  await client.query(`UPDATE idempotency_keys SET key = 'not yet ' || key`);
  const table = await lockTable(database.url, 'users');
  const again = importRow(row);
  await table.untilWaiting(1);
  const { rowCount } = await client.query(`UPDATE idempotency_keys SET key = replace(key, 'not yet ', '')`);
  expect(rowCount).toBe(1);
  await table.release();
  expect(await again).toEqual({ line: 1, outcome: 'exists', userId });
});
