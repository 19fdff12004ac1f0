import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { createDataSource } from '../../src/data-source';
import { personalDataMap } from '../../src/personal-data/personal-data-map';
import { personalDataOfEvents } from '../../src/personal-data/personal-data-of-events';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let database: TestDatabase;
let dataSource: ReturnType<typeof createDataSource>;
beforeAll(async () => {
  database = await createTestDatabase();
  dataSource = createDataSource({ url: database.url, log: pino({ level: 'silent' }) });
  await dataSource.initialize();
});
afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

/** Every source file that deletes rows. */
const deleting = [
  'audit/audit-archiver.ts',
  'audit/audit-sealer.ts',
  'commerce/commerce.repository.ts',
  'commerce/recomputation.repository.ts',
  'commerce/waiting-events.repository.ts',
  // Audit events that were published.
  'outbox/pending-events.repository.ts',
  'parked/delivery-attempts.repository.ts',
  'parked/parked-messages.repository.ts',
  'postgres/chosen-rows.ts',
  'privacy/erasures.ts',
  'privacy/history-removal.ts',
  // Warnings of spells that ended.
  'privacy/inactive-users.ts',
  'privacy/legal-holds.ts',
  // Tries that are given back, so that no empty row stays.
  'users/address-changes.ts',
  'users/external-ids.repository.ts',
  'users/new-users.repository.ts',
];

/** Deleting SQL and TypeORM calls, also across lines. */
const deletes =
  /\bDELETE\s+FROM\b|\bTRUNCATE\s|(?:manager|repository)\s*\.(?:delete|softDelete|remove|softRemove|clear)\(|\.delete\(\)\s*\.from\(/i;

const mapped = Object.entries(personalDataMap).flatMap(([table, { columns }]) =>
  Object.keys(columns).map((column) => `${table}.${column}`),
);

async function storedColumns(): Promise<string[]> {
  const rows = await dataSource.query<{ name: string }[]>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = 'public'`,
  );
  return rows.map(({ name }) => name);
}

describe('the map of personal data', () => {
  it('lists exactly the columns of PostgreSQL', async () => {
    expect([...mapped].sort()).toEqual((await storedColumns()).sort());
  });

  it('does not list a new column', async () => {
    await dataSource.query('ALTER TABLE users ADD COLUMN nickname text');
    try {
      expect((await storedColumns()).filter((name) => !mapped.includes(name))).toEqual(['users.nickname']);
    } finally {
      await dataSource.query('ALTER TABLE users DROP COLUMN nickname');
    }
  });

  it('lists every column of every entity', () => {
    const described = dataSource.entityMetadatas.flatMap(({ tableName, columns }) =>
      columns.map(({ databaseName }) => `${tableName}.${databaseName}`),
    );
    expect(described.filter((name) => !mapped.includes(name))).toEqual([]);
  });

  it('lists exactly the fields of the messages', () => {
    const payloads = readdirSync('contract/schemas').flatMap((type) =>
      readdirSync(`contract/schemas/${type}`).flatMap((file) => {
        const schema = JSON.parse(readFileSync(`contract/schemas/${type}/${file}`, 'utf8'));
        return Object.keys(schema.properties.data?.properties ?? schema.properties).map(
          (it) => `${type}.${it}`,
        );
      }),
    );
    const described = Object.entries(personalDataOfEvents).flatMap(([type, { fields }]) =>
      Object.keys(fields).map((field) => `${type}.${field}`),
    );
    expect(described.sort()).toEqual([...new Set(payloads)].sort());
  });

  it('is the only source of expiry: other deleting files are listed here', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((it) =>
      it.endsWith('.ts'),
    );
    const found = sources.filter((path) => deletes.test(readFileSync(join('src', path), 'utf8')));
    // Before a file is added to the list: rows that expire are deleted by the map.
    expect(found.sort()).toEqual(deleting);
  });

  it('is compared with every form of deletion', () => {
    const missed = [
      'delete from users',
      'WITH gone AS (DELETE\n  FROM ONLY users)',
      'TRUNCATE users',
      'tx.manager.delete(User, { id })',
      'this.repository\n  .softRemove(user)',
      'source.createQueryBuilder().delete()\n  .from(User)',
    ].filter((source) => !deletes.test(source));
    expect(missed).toEqual([]);
    expect(deletes.test('this.pending.delete(id)')).toBe(false);
  });

  it('has an erasure rule or an explanation for every table', () => {
    const unexplained = Object.entries(personalDataMap).filter(
      ([, { ofUser, erasure }]) => ofUser === null && typeof erasure === 'string',
    );
    expect(unexplained).toEqual([]);
  });
});
