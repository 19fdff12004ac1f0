import { createHash, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { pino } from 'pino';
import { AuditRepository } from '../../src/audit/audit.repository';
import { type AuditedAction, AuditLog } from '../../src/audit/audit-log';
import { AuditSealer } from '../../src/audit/audit-sealer';
import { AuditVerification, type VerificationOptions } from '../../src/audit/audit-verification';
import { openDatabase } from '../../src/data-source';
import { Outbox } from '../../src/outbox/outbox';
import type { Database } from '../../src/postgres/database';
import { randomNumbers, tamper } from '../testkit/audit-tampering';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const tamperings = Number(process.env['AUDIT_TAMPERINGS'] ?? 60);
const seed = Number(process.env['AUDIT_SEED'] ?? Date.now() % 1_000_000);

let testDatabase: TestDatabase;
let database: Database;
let client: Client;
let audit: AuditLog;
let sealer: AuditSealer;
const logged: { number?: number; hash?: string; entries?: number }[] = [];
const users = Array.from({ length: 12 }, () => randomUUID());
const erased = users.slice(0, 3);

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  database = openDatabase(testDatabase.url, log);
  await database.connect();
  client = new Client({ connectionString: testDatabase.url });
  await client.connect();
  audit = new AuditLog(new AuditRepository(database), new Outbox());
  sealer = new AuditSealer({ database, outbox: new Outbox(), log });
  await sealAsVersion1();
  for (let round = 0; round < 5; round += 1) {
    await Promise.all([...users.map((userId) => write(userId)), writeAccess()]);
    await sealer.sealNext();
  }
  for (const userId of erased) await erase(userId);
  await sealer.sealNext();
  // These are not sealed yet.
  await Promise.all(users.slice(3, 8).map((userId) => write(userId)));
});
afterAll(async () => {
  await client.end();
  await database.close();
  await testDatabase.drop();
});

function write(userId: string, overrides: Partial<AuditedAction> = {}): Promise<void> {
  const done: AuditedAction = {
    origin: { actor: { id: 'staff', scopes: new Set() }, traceparent: null },
    userId,
    action: 'USER_UPDATED',
    fields: ['displayName'],
    reason: null,
    at: new Date(),
    values: { before: { displayName: 'Ada' }, after: { displayName: randomUUID() } },
    ...overrides,
  };
  return database.transaction((tx) => audit.record(tx, done));
}

/** Records that one request read different fields of two groups of users. */
function writeAccess(): Promise<void> {
  const fieldsByUser = new Map(
    users.map((id, at) => [id, new Set(at < 4 ? ['email'] : ['email', 'history'])]),
  );
  return database.transaction((tx) =>
    audit.recordAccess(tx, {
      origin: { actor: { id: 'staff', scopes: new Set() }, traceparent: null },
      action: 'USER_READ',
      fieldsByUser,
      reason: null,
      at: new Date(),
    }),
  );
}

/** Writes an access of each user, and the first seal, as version 1.0 of the service did. */
async function sealAsVersion1(): Promise<void> {
  const { rows } = await client.query(
    `INSERT INTO audit_entries (id, at, actor_id, user_id, action, fields)
     SELECT gen_random_uuid(), '2026-01-02T03:04:05.678Z', 'staff', user_id, 'USER_READ', '{email}'
     FROM unnest($1::uuid[]) AS user_id RETURNING id, position::text, user_id`,
    [users],
  );
  const sha256 = (...parts: (string | Buffer)[]) =>
    parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
  const digests = rows.map(({ id, position, user_id }) =>
    sha256(
      JSON.stringify([
        id,
        position,
        '1767323045678000',
        'staff',
        user_id,
        'USER_READ',
        ['email'],
        null,
        null,
      ]),
    ),
  );
  const ids = rows.map(({ id }) => id);
  const previousHash = Buffer.alloc(32);
  const entryDigests = Buffer.concat(digests);
  const hash = sha256(previousHash, JSON.stringify(['1', '1767323046000000', ids]), entryDigests);
  await client.query(
    `INSERT INTO audit_seals (number, entry_ids, entry_digests, previous_hash, hash, sealed_at, digest_version)
     VALUES (1, $1, $2, $3, $4, '2026-01-02T03:04:06Z', 1)`,
    [ids, entryDigests, previousHash, hash],
  );
}

/** The part of an erasure that concerns the audit log. */
async function erase(userId: string): Promise<void> {
  await client.query('DELETE FROM audit_keys WHERE user_id = $1', [userId]);
  await write(userId, { action: 'USER_ERASED', fields: [], values: null });
}

/** Verifies within the test's transaction. */
async function verify(options: VerificationOptions = {}) {
  const query = async <Row>(sql: string, parameters: unknown[]) =>
    (await client.query(sql, parameters)).rows as Row[];
  const { broken, ...counts } = await new AuditVerification(query, options).run();
  return { ...counts, broken: [...broken] };
}

async function rolledBack<T>(work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    return await work();
  } finally {
    await client.query('ROLLBACK');
  }
}

describe('the audit chain', () => {
  it('is intact after erasures, with unsealed entries and a seal of version 1', async () => {
    let verified = 0;
    const onSeal = () => (verified += 1);
    expect(await verify({ onSeal })).toEqual({ rows: 85, seals: 7, erased: 3, broken: [] });
    expect(verified).toBe(7);
  });

  it(`reveals each of ${tamperings} random updates, deletions, swaps and insertions`, async () => {
    const random = randomNumbers(seed);
    const missed: string[] = [];
    for (let count = 0; count < tamperings; count += 1) {
      await rolledBack(async () => {
        const done = await tamper(client, random);
        const { broken } = await verify();
        if (broken.length === 0) missed.push(`seed ${seed}, number ${count}: ${done}`);
      });
    }
    expect(missed).toEqual([]);
    expect((await verify()).broken).toEqual([]);
  });

  it('reveals a change of the users or fields of an access', async () => {
    for (const change of [
      'user_ids = user_ids[2:]',
      `field_groups = jsonb_set(field_groups, '{0,fields}', '[]')`,
    ])
      await rolledBack(async () => {
        await client.query('SET LOCAL session_replication_role = replica');
        const { rows } = await client.query(
          `UPDATE audit_entries SET ${change}
           WHERE id = (SELECT id FROM audit_entries WHERE user_ids IS NOT NULL ORDER BY position LIMIT 1) RETURNING id`,
        );
        expect((await verify()).broken).toEqual([`entry ${rows[0].id}`]);
      });
  });

  it('reports exactly the changed entries and seals', async () => {
    await rolledBack(async () => {
      await client.query('SET LOCAL session_replication_role = replica');
      const { rows } = await client.query(
        `UPDATE audit_entries SET actor_id = 'mallory' WHERE id = (SELECT entry_ids[3] FROM audit_seals WHERE number = 2)
         RETURNING id`,
      );
      await client.query(`UPDATE audit_seals SET hash = '\\x00' WHERE number = 4`);
      expect((await verify()).broken).toEqual([`entry ${rows[0].id}`, 'seal 4']);
    });
  });

  it('reveals a key that was deleted without an erasure', async () => {
    await rolledBack(async () => {
      await client.query('DELETE FROM audit_keys WHERE user_id = $1', [users[5]]);
      expect(await verify()).toMatchObject({ erased: 3, broken: [`key of ${users[5]}`] });
    });
  });

  it('reveals the key of an erased user', async () => {
    await rolledBack(async () => {
      await client.query(
        `WITH erased AS (
           INSERT INTO audit_entries (id, at, user_id, action, fields)
           VALUES (gen_random_uuid(), now(), $1, 'USER_ERASED', '{}') RETURNING id
         ) INSERT INTO audit_unsealed SELECT id FROM erased`,
        [users[5]],
      );
      expect(await verify()).toMatchObject({ erased: 3, broken: [`key of ${users[5]}`] });
    });
  });

  it('rejects UPDATE, DELETE and TRUNCATE', async () => {
    for (const table of ['audit_entries', 'audit_seals']) {
      const statements = [`UPDATE ${table} SET ${table === 'audit_seals' ? 'hash = hash' : 'at = at'}`];
      statements.push(`DELETE FROM ${table}`, `TRUNCATE ${table}`);
      for (const statement of statements)
        await expect(client.query(statement)).rejects.toThrow(`${table} is append-only`);
    }
  });

  it('logs and publishes its heads, which reveal a rebuilt chain', async () => {
    const heads = logged
      .filter(({ hash }) => hash)
      .map(({ number, hash, entries }) => ({ number: `${number}`, hash, entries }));
    expect(heads.map(({ entries }) => entries)).toEqual([13, 13, 13, 13, 13, 3]);
    const published = await client.query(
      `SELECT data ->> 'number' AS number, data ->> 'hash' AS hash, (data -> 'entries')::int AS entries FROM outbox_events WHERE type = 'AuditSealed' ORDER BY position`,
    );
    expect(published.rows).toEqual(heads);
    const head = heads.at(-1) as { number: string; hash: string };
    expect((await verify({ head })).broken).toEqual([]);
    const forged = { ...head, hash: head.hash.replace(/^./, (it) => (it === '0' ? '1' : '0')) };
    expect((await verify({ head: forged })).broken).toEqual([`seal ${head.number}`]);
    expect((await verify({ head: { ...head, number: '99' } })).broken).toEqual(['seal 99']);
  });

  it('logs no head of a seal that was rolled back', async () => {
    const before = logged.length;
    await client.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
       CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON audit_seals DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    await expect(sealer.sealNext()).rejects.toThrow('refused');
    await client.query('DROP FUNCTION refuse CASCADE');
    expect(logged.slice(before)).toEqual([]);
  });

  it('loses no entry during concurrent sealing and is intact at every moment', async () => {
    const before = await verify();
    const writers = Promise.all(
      Array.from({ length: 8 }, async (_, at) => {
        for (let count = 0; count < 15; count += 1) await write(users[3 + at] as string);
      }),
    );
    let writing = true;
    const seal = async () => {
      while (writing) await sealer.sealNext();
    };
    const sealing = [seal(), seal()];
    const verifyRepeatedly = async () => {
      while (writing)
        await rolledBack(async () => {
          await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
          expect((await verify()).broken).toEqual([]);
        });
    };
    const verifying = verifyRepeatedly();
    await writers.finally(() => {
      writing = false;
    });
    await Promise.all([...sealing, verifying]);
    while ((await sealer.sealNext()) > 0);

    const after = await verify();
    expect(after).toMatchObject({ rows: before.rows + 120, broken: [] });
    const { rows } = await client.query(
      'SELECT count(*)::int AS sealed, count(DISTINCT id)::int AS different FROM audit_seals, unnest(entry_ids) AS id',
    );
    expect(rows).toEqual([{ sealed: after.rows, different: after.rows }]);
  });

  it(`is intact after ${tamperings} erasures`, async () => {
    const before = await verify();
    const gone = Array.from({ length: tamperings }, () => randomUUID());
    await Promise.all(gone.map((userId) => write(userId)));
    await sealer.sealNext();
    for (const userId of gone) await erase(userId);
    await sealer.sealNext();
    expect(await verify()).toMatchObject({ erased: before.erased + tamperings, broken: [] });
  });
});
