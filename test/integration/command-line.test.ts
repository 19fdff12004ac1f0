import { join } from 'node:path';
import { Client } from 'pg';
import {
  type CommandLine,
  type CommandResult,
  openCommandLine,
  type ProcessOptions,
} from '../testkit/command';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let commands: CommandLine;
let database: TestDatabase;
beforeAll(async () => {
  commands = openCommandLine();
  database = await createTestDatabase();
});
afterAll(async () => {
  await commands.close();
  await database.drop();
});

const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  commands.run(args, { DATABASE_URL: database.url, ...env });
const runAlone = (args: string[], env: NodeJS.ProcessEnv = {}, options?: ProcessOptions) =>
  commands.runAlone(args, { DATABASE_URL: database.url, ...env }, options);

async function sql(text: string): Promise<string[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text, rowMode: 'array' })).rows.map(([value]) => String(value));
  } finally {
    await client.end();
  }
}

describe('a command in a process of its own', () => {
  it.each([
    { args: ['seed', '--users', '30'], code: 0, stdout: '30 created, 0 existed already\n', stderr: '' },
    { args: ['token'], code: 2, stdout: '', stderr: expect.stringContaining('--sub') },
    { args: ['export', 'no-uuid'], code: 1, stdout: '', stderr: 'error: No user has this id.\n' },
  ])('exits with $code: $args', async ({ args, ...ended }) => {
    expect(await runAlone(args)).toEqual(ended);
  });

  it('exits with 78 when the configuration is invalid', async () => {
    const { code, stdout, stderr } = await runAlone(['serve'], { PORT: 'ninety' });
    expect([code, stdout, stderr]).toEqual([78, '', expect.stringContaining('  - PORT ')]);
  });
});

describe('the command line', () => {
  it('migrate --check reports pending migrations without running them', async () => {
    expect(await run(['migrate', '--check'])).toMatchObject({ code: 0, stdout: '0 pending\n' });
    const url = new URL(database.url);
    url.pathname = '/postgres';
    const pending = await run(['migrate', '--check'], { DATABASE_URL: url.href });
    expect(pending).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^[1-9]\d* pending\n {2}CreateUsers/),
    });
    expect((await run(['migrate', '--check'], { DATABASE_URL: url.href })).stdout).toBe(pending.stdout);
  });

  it('erase deletes what its dry run announced; erase and export then exit with 1', async () => {
    await run(['seed', '--users', '1']);
    const [userId = ''] = await sql(`SELECT id FROM users ORDER BY email LIMIT 1`);
    const exported = await run(['export', userId]);
    expect(exported).toMatchObject({ code: 0 });
    expect(JSON.parse(exported.stdout)).toMatchObject({ userId, profile: { status: expect.any(String) } });
    expect((await run(['export', userId, '--json'])).stdout.trim().split('\n')).toHaveLength(1);

    const planned = await run(['erase', userId, '--dry-run']);
    expect(planned).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+ records would be erased\n/),
    });
    expect(planned.stdout).toContain('\n  users 1\n');
    const seen = `SELECT action FROM audit_entries WHERE user_ids = '{${userId}}'
      AND field_groups @> '[{"fields": ["erasurePlan"]}]'`;
    expect(await sql(seen)).toEqual(['USER_READ']);
    expect(await run(['erase', userId])).toMatchObject({
      code: 0,
      stdout: planned.stdout.replace('would be erased', 'erased'),
    });
    for (const args of [
      ['erase', userId],
      ['export', userId],
      ['erase', 'no-uuid'],
    ])
      expect(await run(args)).toMatchObject({ code: 1, stdout: '', stderr: 'error: No user has this id.\n' });
  });

  it('retention removes what its dry run announced, except under a legal hold', async () => {
    await run(['seed', '--users', '3']);
    await sql(`UPDATE user_history SET recorded_at = now() - interval '3 days'`);
    const [count = ''] = await sql('SELECT count(*) FROM user_history');
    const kept = await run(['retention']);
    expect(kept).toMatchObject({ code: 0, stdout: 'nothing removed, no user warned or deactivated\n' });
    const env = { RETENTION_HISTORY_DAYS: '2' };
    expect(await run(['retention', '--dry-run'], env)).toMatchObject({
      code: 0,
      stdout: `${count} history entries would be removed\n`,
    });
    await sql(`INSERT INTO legal_holds (user_id, reason, placed_by, placed_at)
      SELECT user_id, 'a dispute', 'officer', now() FROM user_history ORDER BY 1 LIMIT 1`);
    const [held = ''] = await sql('SELECT count(*) FROM user_history JOIN legal_holds USING (user_id)');
    const ended = await run(['retention', '--json'], env);
    expect(ended.stderr).toBe(`kept under a legal hold: ${held} history entries\n`);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      users: 0,
      historyEntries: Number(count) - Number(held),
      held: { historyEntries: Number(held) },
    });
  });

  it('erase resumes an interrupted erasure', async () => {
    await run(['seed', '--users', '5']);
    const [userId = ''] = await sql(`SELECT id FROM users ORDER BY email LIMIT 1`);
    await run(['erase', userId]);
    await sql(`UPDATE erasures SET status = 'RUNNING', completed_at = NULL WHERE user_id = '${userId}'`);
    const ended = await run(['erase', userId, '--json']);
    expect({ ...ended, ...JSON.parse(ended.stdout) }).toMatchObject({ code: 0, userId, status: 'COMPLETED' });
  });

  it('audit verify exits with 1 after tampering', async () => {
    expect(await run(['audit', 'verify'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^[1-9]\d* rows, \d+ seals, \d+ erased, 0 broken\n$/),
    });
    const client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query('SET session_replication_role = replica');
    const { rows } = await client.query(
      `DELETE FROM audit_entries WHERE id = (SELECT entry_id FROM audit_unsealed JOIN audit_entries ON id = entry_id
         WHERE action = 'EMAIL_PREFERENCES_UPDATED' LIMIT 1) RETURNING id`,
    );
    await client.end();
    const { code, stdout, stderr } = await run(['audit', 'verify', '--json']);
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { seals: 0, broken: 1 }]);
    expect(stderr).toContain(`broken: queued entry ${rows[0].id}`);
  });

  it.each([
    { args: ['audit', 'verify', '--head', 'seven'], named: '--head' },
    { args: ['nonsense'], named: 'nonsense' },
    { args: ['seed', '--users', 'many'], named: '--users' },
    { args: ['constructor'], named: 'constructor' },
    { args: [], named: 'Usage: user-service' },
  ])('exits with 2 for wrong usage and names the mistake: $args', async ({ args, named }) => {
    expect(await run(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(named) });
  });

  it('rotate-unsubscribe-key adds a key and keeps the old ones', async () => {
    const keys = `SELECT generation FROM signing_keys WHERE purpose = 'unsubscribe' ORDER BY generation`;
    expect(await run(['rotate-unsubscribe-key'])).toMatchObject({ code: 0 });
    const before = await sql(keys);
    const { code, stdout } = await run(['rotate-unsubscribe-key']);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`key ${before.length + 1} `)]);
    const third = await run(['rotate-unsubscribe-key', '--json']);
    expect(JSON.parse(third.stdout)).toEqual({ key: before.length + 2 });
    expect(await sql(keys)).toEqual([...before, String(before.length + 1), String(before.length + 2)]);
  });

  it('--help describes each command', async () => {
    const { stdout } = await run(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name as string);
    expect(commands).toEqual(
      expect.arrayContaining(['serve', 'migrate', 'seed', 'token', 'erase', 'export']),
    );
    for (const command of commands.filter((it) => it !== 'help')) {
      const { code, stdout: help } = await run([command, '--help']);
      expect({ command, code, usage: help.split(' ')[0] }).toEqual({ command, code: 0, usage: 'Usage:' });
      // Commands of commands have options of their own.
      const hasResults = command !== 'serve' && !help.includes('Commands:');
      expect({ command, json: help.includes('--json') }).toEqual({ command, json: hasResults });
    }
  });

  it('serve names every problem of its configuration, without values, and exits with 78', async () => {
    const env = {
      NODE_ENV: 'production',
      PORT: 'ninety',
      REDIS_URL: 'http://secret@redis',
      EVENT_PROFILE: 'some',
    };
    const { code, stderr } = await run(['serve'], env);
    expect(code).toBe(78);
    for (const name of ['PORT', 'REDIS_URL', 'AMQP_URL', 'AUTH_JWKS_URL', 'AUTH_ISSUER', 'AUTH_AUDIENCE']) {
      expect(stderr).toContain(`  - ${name} `);
    }
    expect(stderr).toContain('  - ROUTER_SECRET ');
    expect(stderr).toContain('  - EVENT_PROFILE ');
    expect(stderr).not.toMatch(/ninety|secret/);
  });

  it.each(['Production', 'prod'])('serve rejects NODE_ENV=%s, a misspelling of production', async (text) => {
    const { code, stderr } = await run(['serve'], { NODE_ENV: text });
    expect({ code, stderr }).toEqual({
      code: 78,
      stderr: expect.stringContaining('NODE_ENV must be one of production,'),
    });
  });

  it('uses the same data directory in every folder of the checkout', async () => {
    const token = await run(['token', '--sub', 'x', '--json']);
    const elsewhere = await runAlone(
      ['token', '--sub', 'x', '--json'],
      {},
      { cwd: join(commands.checkout, 'bin') },
    );
    const kidOf = ({ stdout }: CommandResult) => {
      const [header = ''] = (JSON.parse(stdout) as { token: string }).token.split('.');
      return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid;
    };
    expect(kidOf(elsewhere)).toBe(kidOf(token));
  });

  it('--help describes generated defaults without an example value', async () => {
    const { code, stdout } = await run(['emit', 'OrderPlaced', '--help']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('(default: a new one)') });
    expect(stdout).not.toMatch(/\d{4}-\d\d-\d\d|[0-9a-f]{8}-[0-9a-f]{4}-/);
  });

  it('serve rejects a part of the AUTH settings', async () => {
    const { code, stderr } = await run(['serve'], { AUTH_ISSUER: 'https://issuer.example' });
    expect(code).toBe(78);
    expect(stderr).toContain('AUTH_JWKS_URL');
    expect(stderr).toContain('AUTH_AUDIENCE');
  });
});
