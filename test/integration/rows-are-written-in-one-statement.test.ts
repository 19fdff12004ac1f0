import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { AuditEntry } from '../../src/audit/audit-entry.entity';
import { AuditKey } from '../../src/audit/audit-key.entity';
import { UnsealedAuditEntry } from '../../src/audit/unsealed-audit-entry.entity';
import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import {
  insertRows,
  onConflictDoNothing,
  updateRows,
  writeOwned,
  writeTogether,
} from '../../src/postgres/write';
import { createLogger } from '../../src/telemetry/logger';
import { User } from '../../src/users/user.entity';
import { UserRepository } from '../../src/users/user.repository';
import { storeUsers } from '../testkit/stored-users';
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

describe('writeOwned', () => {
  it('writes the rows of owners that were written, and returns their ids', async () => {
    const [taken, free] = [buildEntry(), buildEntry()];
    const [own, other] = [
      { userId: uuidv7(), key: randomBytes(32) },
      { userId: uuidv7(), key: randomBytes(32) },
    ];
    await database.query('INSERT INTO audit_entries (id, at, action) VALUES ($1, now(), $2)', [
      taken.id,
      'USER_READ',
    ]);
    const written = await writeOwned(
      database,
      onConflictDoNothing(insertRows(AuditEntry, [taken, free])),
      { write: insertRows(AuditKey, [own, other]), ownerIds: [taken.id, free.id] },
      { write: insertRows(UnsealedAuditEntry, [{ entryId: free.id }]), ownerIds: [free.id] },
    );
    expect(written).toEqual(new Set([free.id]));
    expect(await keysOf(own.userId)).toEqual([]);
    expect(await keysOf(other.userId)).toEqual([other]);
    expect(await queuedOf([free.id])).toHaveLength(1);
  });
});

describe('updateRows', () => {
  const address = { street: `it's "1"`, city: null, state: null, postalCode: 'ü', country: null };
  const storedUser = async () => {
    const id = uuidv7();
    await storeUsers({ sql: (text, parameters) => database.query(text, parameters) }, [
      { id, state: 'ACTIVE' },
    ]);
    const read = await new UserRepository(database).findByIds([id]);
    return read.get(id) as User;
  };

  it('replaces the given values of every type, and keeps the others', async () => {
    const user = await storedUser();
    const values = {
      displayName: null,
      address,
      marketing: !user.marketing,
      emailVerifiedAt: new Date('2026-01-02T03:04:05.678Z'),
      revision: user.revision + 1,
    };
    const update = updateRows(User, [{ id: user.id, revision: user.revision, values }]);
    expect(await writeOwned(database, update)).toEqual(new Set([user.id]));
    expect((await new UserRepository(database).findByIds([user.id])).get(user.id)).toEqual({
      ...user,
      ...values,
    });
  });

  it('skips a row with another revision, and one that another transaction has locked', async () => {
    const [changed, locked, free] = [await storedUser(), await storedUser(), await storedUser()];
    const updates = [changed, locked, free].map(({ id, revision }) => ({
      id,
      revision,
      values: { locale: 'de' },
    }));
    await database.query('UPDATE users SET revision = revision + 1 WHERE id = $1', [changed.id]);
    const holder = new Client({ connectionString: testDatabase.url });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [locked.id]);
    expect(await writeOwned(database, updateRows(User, updates))).toEqual(new Set([free.id]));
    await holder.end();
  });
});

it('an effect of a transaction runs after its commit, and none of a savepoint that was rolled back', async () => {
  const ran: string[] = [];
  await database.transaction(async (tx) => {
    tx.afterCommit(() => void ran.push('transaction'));
    const refused = tx.savepoint(async (nested) => {
      nested.afterCommit(() => void ran.push('rolled back'));
      throw new Error('refused');
    });
    await expect(refused).rejects.toThrow('refused');
    await tx.savepoint(async (nested) => nested.afterCommit(() => void ran.push('savepoint')));
    expect(ran).toEqual([]);
  });
  expect(ran).toEqual(['transaction', 'savepoint']);
});
