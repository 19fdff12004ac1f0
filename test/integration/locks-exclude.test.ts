import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { lockKeys, tryLock, tryLockParts } from '../../src/postgres/locks';
import { createLogger } from '../../src/telemetry/logger';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, createLogger({ level: 'silent' }));
  await database.connect();
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

it('tryLock returns false while another transaction holds the lock, and true after its end', async () => {
  const take = () => database.transaction((tx) => tryLock(tx, lockKeys.retention));
  await database.transaction(async (tx) => {
    expect(await tryLock(tx, lockKeys.retention)).toBe(true);
    expect(await take()).toBe(false);
  });
  expect(await take()).toBe(true);
});

it('tryLockParts returns the parts that no other transaction holds', async () => {
  await database.transaction(async (tx) => {
    expect(await tryLockParts(tx, lockKeys.relayLane, [1, 2])).toEqual([1, 2]);
    const others = database.transaction((other) => tryLockParts(other, lockKeys.relayLane, [2, 3]));
    expect(await others).toEqual([3]);
  });
});
