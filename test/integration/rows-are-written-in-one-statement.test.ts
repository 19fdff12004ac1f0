import { randomBytes } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { AuditEntry } from '../../src/audit/audit-entry.entity';
import { AuditKey } from '../../src/audit/audit-key.entity';
import { UnsealedAuditEntry } from '../../src/audit/unsealed-audit-entry.entity';
import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { insertRows, onConflictDoNothing, writeTogether } from '../../src/postgres/write';
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

const buildEntry = (overrides: Partial<AuditEntry> = {}): Omit<AuditEntry, 'position'> => ({
  id: uuidv7(),
  at: new Date('2026-01-02T03:04:05.678Z'),
  actorId: null,
  userId: uuidv7(),
  action: 'USER_UPDATED',
  fields: ['a "quoted" name', 'b,{}', 'ü'],
  reason: `it's $1 and $2`,
  encryptedValues: randomBytes(40),
  userIds: null,
  fieldGroups: null,
  ...overrides,
});

const entriesOf = (userId: string) =>
  database.query<AuditEntry>(
    `SELECT id, at, actor_id AS "actorId", user_id AS "userId", action, fields, reason,
       user_ids AS "userIds", field_groups AS "fieldGroups", encrypted_values AS "encryptedValues" FROM audit_entries WHERE user_id = $1 ORDER BY position`,
    [userId],
  );
const queuedOf = (ids: string[]) =>
  database.query('SELECT FROM audit_unsealed WHERE entry_id = ANY ($1::uuid[])', [ids]);
const keysOf = (userId: string) =>
  database.query<AuditKey>('SELECT user_id AS "userId", key FROM audit_keys WHERE user_id = $1', [userId]);

describe('writeTogether', () => {
  it('stores every kind of column value, and rows in their order', async () => {
    const key = { userId: uuidv7(), key: randomBytes(32) };
    const { userId } = key;
    const entries = [
      buildEntry({ userId }),
      buildEntry({ userId, actorId: 'staff', fields: [], reason: null, encryptedValues: null }),
    ];
    const written = await database.transaction((tx) =>
      writeTogether(tx, insertRows(AuditEntry, entries), insertRows(AuditKey, [key])),
    );
    expect(written).toBe(2);
    expect(await entriesOf(userId)).toEqual(entries);
    expect(await keysOf(userId)).toEqual([key]);
  });

  it('stores no row if one violates a constraint', async () => {
    const key = { userId: uuidv7(), key: randomBytes(32) };
    const entry = buildEntry(key);
    const write = () =>
      database.transaction((tx) =>
        writeTogether(tx, insertRows(AuditEntry, [entry]), insertRows(AuditKey, [key, key])),
      );
    await expect(write()).rejects.toMatchObject({ constraint: 'audit_keys_pkey' });
    expect(await entriesOf(key.userId)).toEqual([]);
  });

  it('stores no row if the first conflicts with a stored one', async () => {
    const key = { userId: uuidv7(), key: randomBytes(32) };
    const write = (entry: Omit<AuditEntry, 'position'>) =>
      database.transaction((tx) =>
        writeTogether(
          tx,
          onConflictDoNothing(insertRows(AuditKey, [key])),
          insertRows(AuditEntry, [entry]),
          insertRows(UnsealedAuditEntry, [{ entryId: entry.id }]),
        ),
      );
    const first = buildEntry(key);
    const second = buildEntry(key);
    expect(await write(first)).toBe(1);
    expect(await write(second)).toBe(0);
    expect((await entriesOf(key.userId)).map(({ id }) => id)).toEqual([first.id]);
    expect(await queuedOf([first.id, second.id])).toHaveLength(1);
  });
});
