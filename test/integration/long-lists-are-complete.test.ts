import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditRepository } from '../../src/audit/audit.repository';
import { AuditLog } from '../../src/audit/audit-log';
import { findPresent, recordOperatorRead } from '../../src/commands/operator-reads';
import { openDatabase } from '../../src/data-source';
import { Outbox } from '../../src/outbox/outbox';
import type { Database } from '../../src/postgres/database';
import type { KeysetPosition } from '../../src/postgres/keyset';
import { type InactivityRule, usersToDeactivate, usersToWarn } from '../../src/privacy/inactive-users';
import { LedgerReplay } from '../../src/privacy/ledger-replay';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { createReplicaServices } from '../testkit/retention';
import { storeUsers } from '../testkit/stored-users';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

const rule: InactivityRule = { days: 100, warningDays: 30, countsFromCommit: false };
const caller = { actor: { id: 'officer', scopes: new Set<string>() }, traceparent: null };
/** In the order of ids; the last one is on a second page of a thousand. */
const ids = Array.from({ length: 1_001 }, () => randomUUID()).sort();
const [first = '', last = ''] = [ids[0], ids.at(-1)];

let commands: CommandLine;
let testDatabase: TestDatabase;
let database: Database;
const sql = <Row>(text: string, parameters: unknown[] = []) => database.query<Row>(text, parameters);
beforeAll(async () => {
  commands = openCommandLine();
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, createLogger({ level: 'silent' }), 2);
  await database.connect();
  await storeUsers(
    { sql: sql as never },
    ids.map((id) => ({ id, state: 'ACTIVE' })),
  );
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
  await commands.close();
});

const run = (...args: string[]) => commands.run(args, { DATABASE_URL: testDatabase.url });
async function collect(given: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = [];
  for await (const id of given) collected.push(id);
  return collected;
}

it('users to warn are found on each page, also behind users who are active', async () => {
  await sql(`UPDATE users SET created_at = now() - interval '200 days'`);
  await sql('DELETE FROM user_activity WHERE user_id = ANY ($1)', [[first, last]]);
  expect(await collect(usersToWarn(database, rule))).toEqual([first, last]);
});

it('users to deactivate are found on each page', async () => {
  await sql(
    `INSERT INTO inactivity_warnings (user_id, last_active_at, event_id, warned_at, published_at)
     SELECT id, now() - interval '200 days', id, now() - interval '31 days', now() - interval '31 days' FROM users`,
  );
  expect(await collect(usersToDeactivate(database, rule))).toEqual(ids);
});

it('an operator’s read of many users is audited for each, except unknown and PENDING ones', async () => {
  const pending = ids[500] as string;
  await sql(`UPDATE users SET status = 'PENDING' WHERE id = $1`, [pending]);
  const others = ids.filter((id) => id !== pending);
  expect((await findPresent(database, [...ids, randomUUID(), ...ids])).sort()).toEqual(others);
  await sql(`UPDATE users SET status = 'ACTIVE' WHERE id = $1`, [pending]);
  await recordOperatorRead(database, ids, 'parkedMessages');
  const entries = await sql<{ userIds: string[]; fields: unknown }>(
    `SELECT user_ids AS "userIds", field_groups -> 0 -> 'fields' AS fields FROM audit_entries ORDER BY position`,
  );
  expect(entries.map(({ userIds, fields }) => [userIds.length, fields])).toEqual([
    [1_000, ['parkedMessages']],
    [1, ['parkedMessages']],
  ]);
  expect(entries.flatMap(({ userIds }) => userIds).sort()).toEqual(ids);
});

it('erase --print-ledger prints each erased user once, and a replay of a long ledger counts each', async () => {
  const erased = Array.from({ length: 1_001 }, () => randomUUID()).sort();
  await sql(
    `INSERT INTO erased_users SELECT id, '2026-01-02T03:04:05.678Z', id FROM unnest($1::uuid[]) AS id`,
    [erased],
  );
  const { stdout, stderr } = await run('erase', '--print-ledger');
  const printed = stdout.trimEnd().split('\n');
  expect(printed.map((line) => JSON.parse(line))).toEqual(
    erased.map((userId) => ({ userId, erasedAt: '2026-01-02T03:04:05.678Z' })),
  );
  expect(stderr).toBe('1001 erased\n');

  const { erasures } = createReplicaServices(database, createMetrics());
  const entries = [...ids.slice(0, 2), ...erased, randomUUID()].map((userId) => ({
    userId,
    erasedAt: new Date(),
    sequence: 0,
  }));
  let seen = 0;
  const outcome = await new LedgerReplay(database, erasures).run(caller, entries, {
    dryRun: true,
    onEntry: () => (seen += 1),
  });
  expect(outcome).toEqual({ erasedAgain: 2, recorded: 1, alreadyErased: 1_001, held: 0 });
  expect(seen).toBe(entries.length);
});

it('erase --replay-ledger exits with 1 if a user was placed under a hold after the erasure', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-'));
  const file = join(folder, 'erased.ndjson');
  writeFileSync(file, JSON.stringify({ userId: first, erasedAt: '2026-01-02T03:04:05Z' }));
  await sql(`INSERT INTO legal_holds VALUES ($1, 'a dispute', 'officer', now())`, [first]);
  const replayed = await run('erase', '--replay-ledger', file);
  rmSync(folder, { recursive: true });
  expect(replayed).toMatchObject({
    code: 1,
    stdout: '1 read, 0 erased again, 0 recorded as erased, 0 already erased, 1 under a legal hold\n',
  });
  expect(await sql('SELECT FROM users WHERE id = $1', [first])).toHaveLength(1);
});

it('parked list prints each message of several pages once, ordered by id', async () => {
  const parked = Array.from({ length: 101 }, () => randomUUID()).sort();
  await sql(
    `INSERT INTO parked_messages (id, fingerprint, reason, detail, exchange, routing_key, headers, body, attempts)
     SELECT id, id, 'INVALID_JSON', '', '', '', '{}', '', 1 FROM unnest($1::uuid[]) AS id`,
    [parked],
  );
  const lines = (await run('parked', 'list')).stdout.trimEnd().split('\n');
  expect(lines.map((line) => line.split(' ')[0])).toEqual([...parked, '101']);
});

it('an audit trail is complete over pages, also of entries at the same instant', async () => {
  const userId = randomUUID();
  const repository = new AuditRepository(database);
  const audit = new AuditLog(repository, new Outbox());
  const change = (at: Date, reason: string) => ({
    origin: caller,
    userId,
    action: 'USER_UPDATED' as const,
    fields: ['locale'],
    reason,
    at,
    values: { before: null, after: { locale: reason } },
  });
  const access = (at: Date, reason: string) => ({
    origin: caller,
    action: 'USER_READ' as const,
    fieldsByUser: new Map([
      [randomUUID(), new Set(['email'])],
      [userId, new Set(['locale'])],
    ]),
    reason,
    at,
  });
  const times = [1, 2, 3].map((day) => new Date(Date.UTC(2026, 0, day)));
  await database.transaction(async (tx) => {
    for (const at of times) {
      for (const reason of ['a', 'b']) await audit.record(tx, change(at, reason));
      for (const reason of ['c', 'd']) await audit.recordAccess(tx, access(at, reason));
    }
  });
  const listed: string[] = [];
  let after: KeysetPosition | null = null;
  for (let page = 0; page < 6; page += 1) {
    const rows = await repository.list(userId, { limit: 2, after });
    listed.push(
      ...rows.map(({ row: { at, reason, fields } }) => `${at.getUTCDate()} ${reason} ${fields.join()}`),
    );
    after = rows.at(-1)?.position ?? null;
  }
  expect(listed).toEqual([3, 2, 1].flatMap((day) => ['d', 'c', 'b', 'a'].map((it) => `${day} ${it} locale`)));
  expect(await repository.list(userId, { limit: 2, after })).toEqual([]);
  const [second] = times.slice(1);
  const later = await database.transaction((tx) => repository.listChangesAfter(tx, userId, second as Date));
  expect(later.map(({ values }) => values.after)).toEqual([{ locale: 'b' }, { locale: 'a' }]);

  const changes = async () => {
    const rows = await repository.list(userId, { limit: 4, after: null });
    return rows.map(({ row }) => row.readChanges());
  };
  const changed = (after: string) => [{ field: 'locale', before: null, after }];
  expect(await changes()).toEqual([null, null, changed('b'), changed('a')]);
  await sql('DELETE FROM audit_keys WHERE user_id = $1', [userId]);
  expect(await changes()).toEqual([null, null, null, null]);
});
