import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { prepared } from '../../src/postgres/prepared';
import { createLogger } from '../../src/telemetry/logger';
import { createTestDatabase, serverUrlOf, type TestDatabase } from '../testkit/test-database';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(serverUrlOf(testDatabase.url), createLogger({ level: 'silent' }), 1);
  await database.connect();
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

describe('a prepared statement', () => {
  const sum = prepared('SELECT $1::integer + 1 AS sum');
  const plansOf = (statement: string) =>
    database.query<{ runs: number }>(
      `SELECT (generic_plans + custom_plans)::integer AS runs FROM pg_prepared_statements WHERE statement = $1`,
      [statement],
    );

  it('is parsed once for each connection, in and out of transactions, and returns the same rows', async () => {
    expect(await database.query(sum, [1])).toEqual([{ sum: 2 }]);
    await database.transaction(async (tx) => {
      expect(await tx.manager.query(sum, [2])).toEqual([{ sum: 3 }]);
    });
    expect(await plansOf(sum)).toEqual([{ runs: 2 }]);
  });

  it('does not prepare other statements', async () => {
    const other = 'SELECT $1::integer + 2 AS sum';
    expect(await database.query(other, [1])).toEqual([{ sum: 3 }]);
    expect(await plansOf(other)).toEqual([]);
  });
});
