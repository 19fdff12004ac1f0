import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { StoredSeal } from '../../src/audit/archive-file';
import { ArchiveVerification } from '../../src/audit/archive-verification';
import { AuditRepository } from '../../src/audit/audit.repository';
import { ArchiveMismatchError, AuditArchiver } from '../../src/audit/audit-archiver';
import { hashOf, sealColumns } from '../../src/audit/audit-chain';
import { AuditLog } from '../../src/audit/audit-log';
import { AuditSealer } from '../../src/audit/audit-sealer';
import { AuditVerification } from '../../src/audit/audit-verification';
import { openDatabase } from '../../src/data-source';
import { Outbox } from '../../src/outbox/outbox';
import type { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const log = createLogger({ level: 'silent' });
let directory: string;
let testDatabase: TestDatabase;
let database: Database;
let client: Client;
let archiver: AuditArchiver;
let sealer: AuditSealer;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'archives-'));
});
beforeEach(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, log, 2);
  await database.connect();
  client = new Client({ connectionString: testDatabase.url });
  await client.connect();
  archiver = new AuditArchiver(database);
  sealer = new AuditSealer({ database, outbox: new Outbox(), log });
});
afterEach(async () => {
  await client.end();
  await database.close();
  await testDatabase.drop();
});
afterAll(() => rmSync(directory, { recursive: true }));

const day = (number: number) => new Date(Date.UTC(2026, 0, number));
const newFile = () => join(directory, randomUUID());
const origin = { actor: { id: 'staff', scopes: new Set<string>() }, traceparent: null };
const query = async <Row>(sql: string, parameters: unknown[]) =>
  (await client.query(sql, parameters)).rows as Row[];
const verify = async (head?: { number: string; hash: string }) => {
  const { rows, seals, broken } = await new AuditVerification(query, head ? { head } : {}).run();
  return { rows, seals, broken: [...broken] };
};
const brokenIn = async (path: string) => [...(await new ArchiveVerification(query).run(path)).broken];

/** Writes an entry for each of these days, and seals them together. Returns their ids in this order. */
async function seal(userId: string, ...days: number[]): Promise<string[]> {
  const audit = new AuditLog(new AuditRepository(database), new Outbox());
  const action = 'USER_UPDATED' as const;
  const values = { before: null, after: { displayName: 'Ada' } };
  const actions = days.map((it) => ({
    origin,
    userId,
    action,
    fields: [],
    reason: null,
    at: day(it),
    values,
  }));
  await database.transaction((tx) => audit.record(tx, ...actions));
  await sealer.sealNext();
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM audit_entries WHERE user_id = $1 ORDER BY position DESC LIMIT $2',
    [userId, days.length],
  );
  return rows.map(({ id }) => id).reverse();
}

/** Moves the entries of the days before this one to a new file. */
async function archive(before: number) {
  const path = newFile();
  const { entries, seals } = await archiver.archive({ cutAt: day(before), path });
  return { path, entries, seals };
}

/** Runs the check after a change past the triggers, which is rolled back. */
async function tampered<T>(statement: string, check: () => Promise<T>): Promise<T> {
  await client.query('BEGIN; SET LOCAL session_replication_role = replica');
  try {
    await client.query(statement);
    return await check();
  } finally {
    await client.query('ROLLBACK');
  }
}

it('seals behind one that stays are removed only together with it', async () => {
  const userId = randomUUID();
  const [first] = await seal(userId, 1, 5);
  const [second] = await seal(userId, 2);
  const [third] = await seal(userId, 2, 9);

  const one = await archive(3);
  expect(one).toMatchObject({ entries: 3, seals: 0 });
  expect(await verify()).toEqual({ rows: 2, seals: 3, broken: [] });
  const two = await archive(6);
  expect(two).toMatchObject({ entries: 1, seals: 2 });
  expect(await verify()).toEqual({ rows: 1, seals: 1, broken: [] });
  const three = await archive(10);
  expect(three).toMatchObject({ entries: 1, seals: 1 });
  expect(await verify()).toEqual({ rows: 0, seals: 0, broken: [] });
  const { rows } = await client.query('SELECT entry_ids FROM audit_archives ORDER BY number');
  expect(rows).toEqual([{ entry_ids: [first, second, third] }, { entry_ids: [] }, { entry_ids: [] }]);

  await seal(userId, 11);
  for (const { path } of [one, two, three]) expect(await brokenIn(path)).toEqual([]);
});

it('more than ten archives are numbered without gaps, and archives and seals continue from the last', async () => {
  const userId = randomUUID();
  const paths: string[] = [];
  await seal(userId, 1);
  for (let count = 1; count <= 12; count += 1) {
    await seal(userId, count + 1);
    // The last seal stays.
    const archived = await archive(count + 1);
    expect(archived).toMatchObject({ entries: 1, seals: 1 });
    paths.push(archived.path);
  }
  const { rows } = await client.query('SELECT number::int FROM audit_archives ORDER BY 1');
  expect(rows.map(({ number }) => number)).toEqual(Array.from(paths, (_, at) => at + 1));
  for (const path of paths) expect(await brokenIn(path)).toEqual([]);
  expect(await verify()).toEqual({ rows: 1, seals: 1, broken: [] });
  expect((await verify({ number: '99', hash: 'none' })).broken).toEqual(['seal 99']);
});

it('an archive of more entries than one statement deletes is complete, and each restored entry shows', async () => {
  await client.query(
    `WITH entries AS (INSERT INTO audit_entries (id, at, actor_id, action)
       SELECT gen_random_uuid(), '2026-01-01', 'staff', 'USER_READ' FROM generate_series(1, 2500) RETURNING id)
     INSERT INTO audit_unsealed SELECT id FROM entries`,
  );
  await client.query('CREATE TABLE kept AS SELECT * FROM audit_entries');
  await sealer.sealAll(new AbortController().signal);
  const { path, ...archived } = await archive(2);
  expect(archived).toEqual({ entries: 2_500, seals: 3 });
  expect(await verify()).toEqual({ rows: 0, seals: 0, broken: [] });
  for (const at of [0, 1_700, 2_499]) {
    const { rows } = await client.query('SELECT id FROM kept ORDER BY position LIMIT 1 OFFSET $1', [at]);
    const restore = `INSERT INTO audit_entries SELECT * FROM kept WHERE id = '${rows[0].id}'`;
    expect(await tampered(restore, () => brokenIn(path))).toEqual([`entry ${rows[0].id}`]);
  }
});

it('an archive shows what was changed in its checkpoint, in the seals after it and in its keys', async () => {
  const userId = randomUUID();
  const [entryId] = await seal(userId, 1);
  await seal(randomUUID(), 2);
  const one = (await archive(2)).path;
  const two = (await archive(3)).path;
  await seal(userId, 8);
  await seal(userId, 9);
  const checkpoint = (assignment: string) => `UPDATE audit_archives SET ${assignment} WHERE number = 2`;
  for (const [statement, broken] of [
    [checkpoint('entry_count = 2'), ['archive']],
    [checkpoint('last_seal = 1'), ['archive', 'seal 2']],
    [checkpoint(`last_hash = '\\x00'`), ['archive', 'seal 3']],
    ['DELETE FROM audit_archives WHERE number = 2', ['archive']],
    ['DELETE FROM audit_seals WHERE number = 3', ['seal 3']],
    [`UPDATE audit_seals SET previous_hash = '\\x00' WHERE number = 3`, ['seal 3']],
    ['DELETE FROM audit_seals', []],
  ] as const)
    expect([statement, await tampered(statement, () => brokenIn(two))]).toEqual([statement, broken]);

  expect(await tampered('DELETE FROM audit_archives WHERE number = 2', () => brokenIn(one))).toEqual([
    'seal 2',
  ]);
  const ofUser = `WHERE user_id = '${userId}'`;
  expect(await tampered(`DELETE FROM audit_keys ${ofUser}`, () => brokenIn(one))).toEqual([
    `key of ${userId}`,
  ]);
  const other = `UPDATE audit_keys SET key = decode(repeat('ab', 32), 'hex') ${ofUser}`;
  expect(await tampered(other, () => brokenIn(one))).toEqual([`entry ${entryId}`]);
});

it('the key of a user shows when it is restored after the entries of the erasure were archived', async () => {
  const userId = randomUUID();
  await seal(userId, 1);
  await client.query('INSERT INTO erased_users VALUES ($1, now(), gen_random_uuid())', [userId]);
  await client.query('CREATE TABLE kept AS SELECT * FROM audit_keys');
  await client.query('DELETE FROM audit_keys');
  await archive(2);
  expect((await verify()).broken).toEqual([]);
  const { broken } = await tampered('INSERT INTO audit_keys SELECT * FROM kept', () => verify());
  expect(broken).toEqual([`key of ${userId}`]);
});

it('a changed entry is not archived: nothing is removed, and no file is replaced', async () => {
  const [entryId] = await seal(randomUUID(), 1);
  await client.query('SET session_replication_role = replica');
  await client.query(`UPDATE audit_entries SET actor_id = 'mallory'`);
  const path = newFile();
  const failed = archiver.archive({ cutAt: day(2), path });
  await expect(failed).rejects.toBeInstanceOf(ArchiveMismatchError);
  await expect(failed).rejects.toThrow(`entry ${entryId}`);
  expect(existsSync(path)).toBe(false);
  expect(await verify()).toMatchObject({ rows: 1, seals: 1 });
});

it('only its owner may read an archive, and an empty one leaves no file', async () => {
  await seal(randomUUID(), 1);
  const before = readdirSync(directory);
  expect(await archive(1)).toMatchObject({ entries: 0, seals: 0 });
  expect(readdirSync(directory)).toEqual(before);
  expect(statSync((await archive(2)).path).mode & 0o777).toBe(0o600);
});

it('a missing seal shows with its entries, and the seals after it do not', async () => {
  const userId = randomUUID();
  await seal(userId, 1);
  const entryIds = await seal(userId, 2, 3);
  await seal(userId, 4);
  const { broken } = await tampered('DELETE FROM audit_seals WHERE number = 2', () => verify());
  expect(broken.sort()).toEqual([...entryIds.map((id) => `entry ${id}`), 'seal 2'].sort());
});

it('an entry that is sealed twice shows', async () => {
  const entryIds = await seal(randomUUID(), 1);
  const { rows } = await client.query<StoredSeal>(`SELECT ${sealColumns} FROM audit_seals`);
  const one = rows[0] as StoredSeal;
  const hash = hashOf({ ...one, number: '2', previousHash: one.hash });
  await client.query(
    `INSERT INTO audit_seals (number, entry_ids, entry_digests, previous_hash, hash, sealed_at, digest_version)
     SELECT 2, entry_ids, entry_digests, hash, $1, sealed_at, digest_version FROM audit_seals`,
    [hash],
  );
  expect((await verify()).broken).toEqual(entryIds.map((id) => `entry ${id}`));
});

it('the chain is verified beyond one page of queued entries, of entries and of keys', async () => {
  await client.query(
    `WITH entries AS (INSERT INTO audit_entries (id, at, user_id, action, fields)
       SELECT gen_random_uuid(), now(), gen_random_uuid(), 'USER_UPDATED', '{}'
       FROM generate_series(1, 10500) RETURNING id)
     INSERT INTO audit_unsealed SELECT id FROM entries`,
  );
  expect(await verify()).toEqual({ rows: 10_500, seals: 0, broken: [] });
  const { rows } = await client.query(
    `DELETE FROM audit_unsealed
     WHERE entry_id IN (SELECT id FROM audit_entries ORDER BY position DESC LIMIT 1) RETURNING entry_id`,
  );
  await client.query('INSERT INTO audit_keys SELECT gen_random_uuid(), $1 FROM generate_series(1, 6000)', [
    '',
  ]);
  const { broken } = await verify();
  expect(broken.filter((it) => it.startsWith('entry'))).toEqual([`entry ${rows[0].entry_id}`]);
  expect(broken).toHaveLength(6_001);
});

it('the backlog of the sealer is the number of queued entries and the age of the oldest', async () => {
  await client.query(
    `INSERT INTO audit_entries (id, at, action)
     SELECT ('0000000' || at || '-0000-7000-8000-000000000000')::uuid, now() - make_interval(hours => 4 - at), 'USER_READ'
     FROM generate_series(1, 3) AS at`,
  );
  await client.query('INSERT INTO audit_unsealed SELECT id FROM audit_entries');
  const { count, oldestSeconds } = await sealer.measure();
  expect([count, Math.round(oldestSeconds / 3_600)]).toEqual([3, 3]);
});
