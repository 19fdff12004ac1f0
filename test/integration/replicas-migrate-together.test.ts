import { Client } from 'pg';
import { createDataSource, migrate, openDatabase, pendingMigrations } from '../../src/data-source';
import { lockKeys, tryLock } from '../../src/postgres/locks';
import { createLogger } from '../../src/telemetry/logger';
import { eventually } from '../testkit/eventually';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const log = createLogger({ level: 'silent' });
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Returns every column, constraint and index as PostgreSQL describes it. */
async function describeSchema(): Promise<unknown[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT table_name || '.' || column_name AS name,
         concat_ws(' ', data_type, is_nullable, column_default) AS definition FROM information_schema.columns
         WHERE table_schema = 'public'
       UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
       UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
       ORDER BY name, definition`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

async function migrateDown(): Promise<void> {
  const dataSource = createDataSource({ url: database.url, log, deadlines: false });
  await dataSource.initialize();
  try {
    for (const _migration of dataSource.migrations) await dataSource.undoLastMigration();
    await dataSource.query('DROP TABLE schema_migrations');
  } finally {
    await dataSource.destroy();
  }
}

it('migrate runs each migration once when four replicas start concurrently', async () => {
  const described = await describeSchema();
  expect(described.length).toBeGreaterThan(50);
  await migrateDown();
  expect(await describeSchema()).toEqual([]);
  const missing = await pendingMigrations(database.url, log);

  const ran = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url, log)));
  expect(ran.filter((names) => names.length > 0)).toEqual([missing]);
  expect(await pendingMigrations(database.url, log)).toEqual([]);
  expect(await describeSchema()).toEqual(described);
});

it('migrate waits and logs one warning while another replica holds the lock', async () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const holder = openDatabase(database.url, log, 1);
  await holder.connect();
  const migrating = await holder.transaction(async (tx) => {
    expect(await tryLock(tx, lockKeys.migration)).toBe(true);
    const ran = migrate(database.url, createLogger({ level: 'warn', destination, readable: false }));
    await eventually(() => expect(lines).toHaveLength(1));
    return { ran };
  });
  await holder.close();
  expect(await migrating.ran).toEqual([]);
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    'waiting for the migration lock: another process is migrating',
  ]);
});
