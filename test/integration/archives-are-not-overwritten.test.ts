import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Client } from 'pg';
import { ArchiveExistsError } from '../../src/audit/archive-replacement';
import { ArchiveVerification } from '../../src/audit/archive-verification';
import { ArchiveMismatchError, AuditArchiver } from '../../src/audit/audit-archiver';
import { AuditSealer } from '../../src/audit/audit-sealer';
import { AuditVerification } from '../../src/audit/audit-verification';
import { openDatabase } from '../../src/data-source';
import { Outbox } from '../../src/outbox/outbox';
import type { Database } from '../../src/postgres/database';
import { lockKeys } from '../../src/postgres/locks';
import { createLogger } from '../../src/telemetry/logger';
import { eventually } from '../testkit/eventually';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const log = createLogger({ level: 'silent' });
let directory: string;
let path: string;
let testDatabase: TestDatabase;
let database: Database;
let client: Client;
let archiver: AuditArchiver;
let sealer: AuditSealer;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'archives-'));
  path = join(directory, 'archive.ndjson');
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
  rmSync(directory, { recursive: true });
});

const day = (number: number) => new Date(Date.UTC(2026, 0, number));
const query = async <Row>(sql: string, parameters: unknown[]) =>
  (await client.query(sql, parameters)).rows as Row[];
const verify = async () => {
  const { rows, seals, broken } = await new AuditVerification(query, {}).run();
  return { rows, seals, broken: [...broken] };
};
const brokenInFile = async () => [...(await new ArchiveVerification(query).run(path)).broken];

/** Writes an entry of this day and seals it. */
async function seal(number: number): Promise<void> {
  await client.query(
    `WITH entry AS (INSERT INTO audit_entries (id, at, actor_id, action)
       VALUES (gen_random_uuid(), $1, 'staff', 'USER_READ') RETURNING id)
     INSERT INTO audit_unsealed SELECT id FROM entry`,
    [day(number)],
  );
  await sealer.sealNext();
}

/** Begins a transaction that locks the chain, as a sealer does. */
async function lockChain(): Promise<void> {
  await client.query('BEGIN');
  await client.query('SELECT pg_advisory_xact_lock($1)', [lockKeys.auditSealer]);
}

/** Resolves when so many transactions of this database wait for an advisory lock. */
const lockIsRequestedBy = (count: number) =>
  eventually(async () => {
    const { rows } = await client.query(
      `SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
       WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()`,
    );
    expect(rows).toHaveLength(count);
  });

it('an archive removes nothing while a replica seals', async () => {
  await seal(1);
  await lockChain();
  const archiving = archiver.archive({ cutAt: day(2), path });
  await lockIsRequestedBy(1);
  expect(await verify()).toMatchObject({ rows: 1, seals: 1 });
  await client.query('COMMIT');
  expect(await archiving).toMatchObject({ entries: 1, seals: 1 });
});

it('two archives at one path keep the file of the first commit, and the other one removes nothing', async () => {
  await seal(1);
  await seal(2);
  await lockChain();
  const first = archiver.archive({ cutAt: day(2), path });
  await lockIsRequestedBy(1);
  const second = archiver.archive({ cutAt: day(3), path });
  await lockIsRequestedBy(2);
  await client.query('COMMIT');
  const results = await Promise.allSettled([first, second]);
  const archived = results.flatMap((it) => (it.status === 'fulfilled' ? [it.value.entries] : []));
  const refused = results.flatMap((it) => (it.status === 'rejected' ? [it.reason] : []));
  expect(refused).toEqual([expect.any(ArchiveMismatchError)]);
  expect(String(refused[0])).toContain('another call');
  expect(await brokenInFile()).toEqual([]);
  // Either may get the lock first; the second one would archive both entries.
  const left = 2 - (archived[0] ?? 0);
  expect(await verify()).toEqual({ rows: left, seals: left, broken: [] });
  expect(readdirSync(directory)).toEqual([basename(path)]);
});

it('an archive does not replace an earlier one, whose entries are in its file only', async () => {
  await seal(1);
  await seal(2);
  await archiver.archive({ cutAt: day(2), path });
  await expect(archiver.archive({ cutAt: day(3), path })).rejects.toBeInstanceOf(ArchiveExistsError);
  expect(await brokenInFile()).toEqual([]);
  expect(await verify()).toEqual({ rows: 1, seals: 1, broken: [] });
});
