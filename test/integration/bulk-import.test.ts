import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { eventually } from '../testkit/eventually';
import { buildRow, resultsIn } from '../testkit/import-rows';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let commands: CommandLine;
let folder: string;
let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  commands = openCommandLine();
  folder = mkdtempSync(join(tmpdir(), 'bulk-'));
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
  await commands.close();
  rmSync(folder, { recursive: true, force: true });
});

const sql = async (text: string, parameters: unknown[] = []): Promise<any[]> =>
  (await client.query(text, parameters)).rows;
const run = (args: string[]) => commands.run(args, { DATABASE_URL: database.url });

/** Imports these lines and returns the result of each. */
async function importLines(lines: readonly unknown[]) {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  const file = join(folder, 'lines.ndjson');
  writeFileSync(file, text);
  const ended = await run(['import', file, '--json']);
  return { results: resultsIn(ended.stdout), ended };
}

describe('import', () => {
  it('exits with 1 for one row that is not imported', async () => {
    const { ended } = await importLines([buildRow('one'), buildRow('bad', { email: 'nowhere' })]);
    expect(ended).toMatchObject({ code: 1, stderr: '1 created, 0 existed, 1 failed\n' });
  });

  it('prints a result for each row and imports valid rows next to invalid ones', async () => {
    const [taken, erased] = [randomUUID(), randomUUID()];
    await importLines([
      buildRow('first', { userId: taken, username: 'the-first' }),
      buildRow('gone', { userId: erased }),
    ]);
    expect((await run(['erase', erased])).code).toBe(0);
    const { results, ended } = await importLines([
      buildRow('good'),
      buildRow('GOOD', { firstName: 'Another' }),
      buildRow('other', { username: 'The-First' }),
      buildRow('other', { userId: taken }),
      buildRow('gone', { userId: erased }),
      buildRow('good'),
      buildRow('bad', { email: 'nowhere', phoneNumber: '12 34', address: { city: 'x'.repeat(51) } }),
      buildRow('bad', { password: 'correct horse', fristName: 'Ada' }),
      buildRow('bad', { phoneNumber: 4930, address: { zip: '1' } }),
      '{"email":',
      '',
      buildRow('last'),
    ]);
    const invalid = (line: number, ...paths: string[]) => ({
      line,
      outcome: 'INVALID_INPUT',
      fields: paths.map((path) => expect.objectContaining({ path })),
    });
    const userId = expect.stringMatching(/^[0-9a-f-]{36}$/);
    expect(results).toEqual([
      { line: 1, outcome: 'created', userId },
      { line: 2, outcome: 'EMAIL_TAKEN' },
      { line: 3, outcome: 'USERNAME_TAKEN' },
      { line: 4, outcome: 'USER_ID_TAKEN' },
      { line: 5, outcome: 'USER_ID_TAKEN' },
      { line: 6, outcome: 'exists', userId: results[0].userId },
      invalid(7, 'email', 'phoneNumber', 'address.city'),
      invalid(8, 'password', 'fristName'),
      invalid(9, 'phoneNumber', 'address.zip'),
      invalid(10, 'line'),
      { line: 12, outcome: 'created', userId },
    ]);
    expect(ended).toMatchObject({ code: 1, stderr: '2 created, 1 existed, 8 failed\n' });
  });

  it('stores external ids, and refuses rows whose id another user has', async () => {
    const ids = (...externalIds: [system: string, id: string][]) => ({
      externalIds: externalIds.map(([system, id]) => ({ system, id })),
    });
    const lines = [
      buildRow('with-ids', ids(['shop', '1'], ['crm', '1'])),
      // Its first id is free, but the second is not, so that the first stays free.
      buildRow('refused', ids(['crm', '2'], ['shop', '1'])),
      buildRow('free', ids(['crm', '2'])),
      buildRow('again', ids(['crm', '2'])),
      buildRow('with-ids', ids(['crm', '3'])),
      buildRow('third', ids(['crm', '3'])),
      buildRow('bad', ids(['CRM', 'x'], ['a', ' '])),
      buildRow('bad', { externalIds: [{ system: 'crm' }, { system: 'a', id: 4, more: 'x' }] }),
      buildRow('bad', { externalIds: { crm: '1' } }),
      buildRow('none', { externalIds: [] }),
    ];
    const { results } = await importLines(lines);
    expect(
      results.map(({ outcome, fields }) => [
        outcome,
        ...(fields ?? []).map(({ path }: { path: string }) => path),
      ]),
    ).toEqual([
      ['created'],
      ['EXTERNAL_ID_TAKEN'],
      ['created'],
      ['EXTERNAL_ID_TAKEN'],
      ['EMAIL_TAKEN'],
      ['created'],
      ['INVALID_INPUT', 'externalIds.0.system', 'externalIds.1.id'],
      ['INVALID_INPUT', 'externalIds.0.id', 'externalIds.1.id', 'externalIds.1.more'],
      ['INVALID_INPUT', 'externalIds'],
      ['created'],
    ]);
    expect(await sql('SELECT external_ids FROM users WHERE id = $1', [results[0].userId])).toEqual([
      {
        external_ids: [
          { system: 'crm', id: '1' },
          { system: 'shop', id: '1' },
        ],
      },
    ]);
    expect(
      await sql(`SELECT 1 FROM users WHERE email IN ('refused@example.com', 'again@example.com')`),
    ).toEqual([]);
    expect(await sql(`SELECT system, external_id FROM external_ids ORDER BY 1, 2`)).toEqual([
      { system: 'crm', external_id: '1' },
      { system: 'crm', external_id: '2' },
      { system: 'crm', external_id: '3' },
      { system: 'shop', external_id: '1' },
    ]);
    // After the digests expired, rows are recognised by their values.
    await sql('DELETE FROM idempotency_keys');
    const again = await importLines(lines);
    expect(again.results.map(({ outcome }) => outcome)).toEqual(
      results.map(({ outcome }) => (outcome === 'created' ? 'exists' : outcome)),
    );
  });

  it('refuses a row whose user was erased since, also one without an id', async () => {
    const rows = [buildRow('erased', { userId: randomUUID() }), buildRow('erased-too')];
    const { results } = await importLines(rows);
    for (const { userId } of results) expect((await run(['erase', userId])).code).toBe(0);
    const again = await importLines(rows);
    expect(again.results.map(({ outcome }) => outcome)).toEqual(['USER_ID_TAKEN', 'USER_ID_TAKEN']);
    expect(await sql(`SELECT email FROM users WHERE email LIKE 'erased%'`)).toEqual([]);
  });

  it('writes history, event and audit entry of each user as createUser does', async () => {
    const { results } = await importLines([
      buildRow('active', {
        username: 'active-ada',
        phoneNumber: '441632960001',
        address: { city: 'London' },
      }),
      buildRow('left', { status: 'DEACTIVATED', statusReason: 'INACTIVITY', statusNotes: 'moved away' }),
    ]);
    const [active, left] = results.map(({ userId }) => userId);
    expect(await sql('SELECT * FROM users WHERE id = $1', [active])).toEqual([
      expect.objectContaining({
        status: 'ACTIVE',
        version: 1,
        username: 'active-ada',
        phone_number: '+441632960001',
        address: expect.objectContaining({ city: 'London', street: null }),
      }),
    ]);
    expect(await sql('SELECT * FROM users WHERE id = $1', [left])).toEqual([
      expect.objectContaining({
        status: 'DEACTIVATED',
        version: 2,
        status_reason: 'INACTIVITY',
        status_notes: 'moved away',
      }),
    ]);
    const recordsIn = async (table: string, what: string) => {
      const rows = await sql(
        `SELECT CASE user_id WHEN $1 THEN 'active' ELSE 'left' END || ' ' || ${what} AS what FROM ${table}
         WHERE user_id IN ($1, $2) ORDER BY 1`,
        [active, left],
      );
      return rows.map((row) => row.what);
    };
    expect(await recordsIn('user_history', 'type')).toEqual([
      'active USER_CREATED',
      'left USER_CREATED',
      'left USER_DEACTIVATED',
    ]);
    expect(await recordsIn('outbox_events', `type || coalesce(version::text, '')`)).toEqual([
      'active UserCreated1',
      'active UserDataChanged',
      'left UserCreated1',
      'left UserDataChanged',
      'left UserDataChanged',
      'left UserDeactivated2',
    ]);
    expect(await recordsIn('audit_entries', `actor_id || ' ' || action`)).toEqual([
      'active command-line USER_CREATED',
      'left command-line USER_CREATED',
      'left command-line USER_DEACTIVATED',
    ]);
    expect((await run(['audit', 'verify'])).code).toBe(0);
  });

  it('prints exists after its key expired if the user still equals the row', async () => {
    const rows = [
      buildRow('known', { locale: 'en-gb' }),
      buildRow('changed'),
      buildRow('own', { userId: randomUUID() }),
    ];
    const { results } = await importLines(rows);
    await sql(`UPDATE users SET first_name = 'Augusta' WHERE email = 'changed@example.com'`);
    expect((await importLines(rows)).results.map(({ outcome }) => outcome)).toEqual(Array(3).fill('exists'));
    // Keys of another actor count as little as expired ones.
    for (const forget of [
      `UPDATE idempotency_keys SET actor_id = 'another'`,
      'DELETE FROM idempotency_keys',
    ]) {
      await sql(forget);
      const lines = [...rows, { ...rows[2], firstName: 'Augusta' }, { ...rows[0], userId: randomUUID() }];
      expect((await importLines(lines)).results).toEqual([
        { line: 1, outcome: 'exists', userId: results[0].userId },
        { line: 2, outcome: 'EMAIL_TAKEN' },
        { line: 3, outcome: 'exists', userId: results[2].userId },
        { line: 4, outcome: 'USER_ID_TAKEN' },
        { line: 5, outcome: 'EMAIL_TAKEN' },
      ]);
    }
  });

  it('deactivates with ADMINISTRATIVE_ACTION unless the row has another reason', async () => {
    const { results } = await importLines([buildRow('without-reason', { status: 'DEACTIVATED' })]);
    expect(await sql('SELECT status, status_reason FROM users WHERE id = $1', [results[0].userId])).toEqual([
      { status: 'DEACTIVATED', status_reason: 'ADMINISTRATIVE_ACTION' },
    ]);
  });

  it('compares the status of a user only with a row that has one', async () => {
    const row = buildRow('any-status');
    const { results } = await importLines([row]);
    await sql(`UPDATE users SET status = 'DEACTIVATED', status_reason = 'INACTIVITY' WHERE id = $1`, [
      results[0].userId,
    ]);
    await sql('DELETE FROM idempotency_keys');
    const inactive = { ...row, status: 'DEACTIVATED', statusReason: 'INACTIVITY' };
    const others = [{ status: 'ACTIVE' }, { statusReason: 'USER_REQUESTED' }, { statusNotes: 'moved away' }];
    const lines = [row, inactive, ...others.map((it) => ({ ...(it.status ? row : inactive), ...it }))];
    const { results: again } = await importLines(lines);
    const outcomes = again.map(({ outcome }) => outcome).join(' ');
    expect(outcomes).toBe('exists exists EMAIL_TAKEN EMAIL_TAKEN EMAIL_TAKEN');
    await sql(`UPDATE users SET status = 'PENDING', status_reason = NULL WHERE id = $1`, [results[0].userId]);
    expect((await importLines([row])).results).toEqual([{ line: 1, outcome: 'EMAIL_TAKEN' }]);
  });

  // The last test: this erasure leaves no audit entry, so that `audit verify` would fail.
  it('refuses a row with an id whose erasure commits while the row is inserted', async () => {
    const userId = randomUUID();
    await importLines([buildRow('leaving', { userId })]);
    // As of a user whose events were published and deleted long ago.
    await sql('DELETE FROM outbox_events WHERE user_id = $1', [userId]);
    const erasure = new Client({ connectionString: database.url });
    await erasure.connect();
    try {
      await erasure.query('BEGIN');
      await erasure.query('DELETE FROM users WHERE id = $1', [userId]);
      await erasure.query('DELETE FROM audit_keys WHERE user_id = $1', [userId]);
      await erasure.query(
        'INSERT INTO erased_users (user_id, erased_at, erasure_id) VALUES ($1, now(), gen_random_uuid())',
        [userId],
      );
      const importing = importLines([buildRow('arriving', { userId }), buildRow('another')]);
      await eventually(async () =>
        expect(
          await sql(
            `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
          ),
        ).not.toEqual([]),
      );
      await erasure.query('COMMIT');
      expect((await importing).results.map(({ outcome }) => outcome)).toEqual(['USER_ID_TAKEN', 'created']);
    } finally {
      await erasure.end();
    }
    expect(await sql('SELECT email FROM users WHERE id = $1', [userId])).toEqual([]);
  });
});
