import { pino } from 'pino';
import { findDrift } from '../../scripts/check-migrations';
import { createDataSource } from '../../src/postgres/data-source';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

async function withDataSource<T>(
  work: (dataSource: ReturnType<typeof createDataSource>) => Promise<T>,
): Promise<T> {
  const dataSource = createDataSource({
    url: database.url,
    log: pino({ level: 'silent' }),
    deadlines: false,
  });
  await dataSource.initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

it('makes what the entities describe', async () => {
  expect(await findDrift(database.url)).toEqual([]);
});

it.each([
  ['a column', 'ALTER TABLE users ADD COLUMN nickname text', 'DROP COLUMN "nickname"'],
  ['a type', 'ALTER TABLE users ALTER COLUMN display_name TYPE varchar(50)', '"display_name"'],
  [
    'a constraint',
    'ALTER TABLE users DROP CONSTRAINT users_email_normalized_key',
    'UNIQUE ("email_normalized")',
  ],
  ['an index', 'DROP INDEX users_created_at_id_idx', 'users_created_at_id_idx'],
])('finds %s that entities and migrations tell differently', async (_what, change, finding) => {
  await withDataSource((dataSource) => dataSource.query(change));
  expect((await findDrift(database.url)).join('\n')).toContain(finding);
});

it('goes down to nothing and up again to the same', async () => {
  await withDataSource(async (dataSource) => {
    for (const _migration of dataSource.migrations) await dataSource.undoLastMigration();
    const left = await dataSource.query<{ table_name: string }[]>(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
    );
    expect(left.map(({ table_name: name }) => name)).toEqual(['schema_migrations']);
  });
  expect(await findDrift(database.url)).toEqual([]);
});
