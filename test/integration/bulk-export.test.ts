import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import {
  type CommandLine,
  type CommandResult,
  openCommandLine,
  type ProcessOptions,
} from '../testkit/command';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { exampleProfile } from '../testkit/user-fields';

const count = 2_000;
const pending = randomUUID();
const left = randomUUID();

let commands: CommandLine;
let database: TestDatabase;
let elsewhere: TestDatabase;
let client: Client;
let all: string[];
beforeAll(async () => {
  commands = openCommandLine();
  [database, elsewhere] = [await createTestDatabase(), await createTestDatabase()];
  client = new Client({ connectionString: database.url });
  await client.connect();
  const users = Array.from({ length: count }, (_, index) => ({
    email: `user-${index}@example.com`,
    firstName: 'Ada',
    lastName: 'Lovelace',
    ...(index % 3 === 0 && { username: `ada-${index}` }),
    ...(index % 4 === 0 && { ...exampleProfile, address: { city: 'London', postalCode: 'W1' } }),
    ...(index % 5 === 0 && {
      externalIds: [
        { system: 'crm', id: ` ${index}` },
        { system: 'a-1', id: `é-${index}` },
      ],
    }),
    displayName: `A name that makes the line long enough ${index}`,
    ...(index === 0 && { userId: pending }),
    ...(index === 1 && {
      userId: left,
      status: 'DEACTIVATED',
      statusReason: 'INACTIVITY',
      statusNotes: 'left',
    }),
  }));
  await runAlone(['import', '-'], { stdin: users.map((user) => JSON.stringify(user)).join('\n') });
  await client.query(`UPDATE users SET status = 'PENDING', version = 0 WHERE id = $1`, [pending]);
  all = linesOf(await run(['export-all']));
});
afterAll(async () => {
  await client.end();
  await database.drop();
  await elsewhere.drop();
  await commands.close();
});

const run = (args: string[], on = database) => commands.run(args, { DATABASE_URL: on.url });
const runAlone = (args: string[], options: ProcessOptions, on = database) =>
  commands.runAlone(args, { DATABASE_URL: on.url }, options);

const linesOf = ({ stdout }: CommandResult) => stdout.split('\n').filter((line) => line.endsWith('}'));
const idOf = (line: string | undefined): string => JSON.parse(line ?? '{}').userId;

describe('export-all', () => {
  it('prints every user except PENDING ones once, ordered by id', async () => {
    const { rows } = await client.query(`SELECT id FROM users WHERE status <> 'PENDING' ORDER BY id`);
    expect(all.map(idOf)).toEqual(rows.map(({ id }) => id));
    expect(all).toHaveLength(count - 1);
  });

  it('prints lines that import turns into equal users of another database', async () => {
    const imported = await runAlone(['import', '-'], { stdin: all.join('\n') }, elsewhere);
    expect(imported).toMatchObject({ code: 0, stderr: expect.not.stringContaining('error') });
    expect(imported.stdout).toContain(`${count - 1} created, 0 existed, 0 failed\n`);
    expect(linesOf(await run(['export-all'], elsewhere))).toEqual(all);
    const again = await runAlone(['import', '-'], { stdin: all.join('\n') });
    expect(again.stdout).toContain(`0 created, ${count - 1} existed, 0 failed\n`);
  });

  it('continues with --after from the last line of a killed run', async () => {
    const killed = await runAlone(['export-all'], {
      // The pipe is full before the last user is printed.
      onOutput: (child, stdout) => stdout.length > 0 && child.kill('SIGKILL'),
    });
    expect(killed.code).toBe(null);
    const arrived = linesOf(killed);
    expect(arrived.length).toBeLessThan(all.length);
    const remaining = await run(['export-all', '--after', idOf(arrived.at(-1))]);
    expect(remaining).toMatchObject({ code: 0, stderr: `${all.length - arrived.length} exported\n` });
    expect([...arrived, ...linesOf(remaining)]).toEqual(all);
  });

  it('prints the --after option for the rest when it gets SIGTERM', async () => {
    const stopped = await runAlone(['export-all'], {
      // A second SIGTERM would end it immediately.
      onOutput: (child) => !child.killed && child.kill('SIGTERM'),
    });
    expect(stopped.code).toBe(1);
    const last = idOf(linesOf(stopped).at(-1));
    expect(stopped.stderr).toMatch(new RegExp(`^\\d+ exported\\n.* --after ${last}\\n$`));
  });

  it('prints users of one status with --status', async () => {
    expect(linesOf(await run(['export-all', '--status', 'DEACTIVATED'])).map((it) => JSON.parse(it))).toEqual(
      [
        {
          userId: left,
          email: 'user-1@example.com',
          username: 'user-1@example.com',
          displayName: expect.any(String),
          firstName: 'Ada',
          lastName: 'Lovelace',
          status: 'DEACTIVATED',
          statusReason: 'INACTIVITY',
          statusNotes: 'left',
        },
      ],
    );
    expect(await run(['export-all', '--status', 'PENDING'])).toMatchObject({ code: 2, stdout: '' });
    expect(await run(['export-all', '--after', 'malformed'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('leaves out the notes of active users, which explain their reactivation', async () => {
    const noted = `status_notes = 'reactivated by phone' WHERE email = 'user-2@example.com'`;
    await client.query(`UPDATE users SET ${noted}`);
    const lines = linesOf(await run(['export-all', '--status', 'ACTIVE'])).map((it) => JSON.parse(it));
    expect(lines).toContainEqual(expect.objectContaining({ email: 'user-2@example.com' }));
    expect(lines.filter((it) => 'statusNotes' in it || 'statusReason' in it)).toEqual([]);
  });

  it('writes an audit entry with the users of each page', async () => {
    const { rows } = await client.query(
      `SELECT user_ids, actor_id, reason, field_groups FROM audit_entries WHERE action = 'USER_DATA_EXPORTED'`,
    );
    expect(new Set(rows.flatMap(({ user_ids }) => user_ids))).toEqual(new Set(all.map(idOf)));
    expect(rows[0]).toMatchObject({
      actor_id: 'command-line',
      reason: 'BULK_EXPORT',
      field_groups: [{ fields: expect.arrayContaining(['address', 'email', 'statusNotes']) }],
    });
    const published = await client.query(
      `SELECT count(*)::int AS n FROM outbox_events WHERE type = 'UserDataAccessed' AND data->>'reason' = 'BULK_EXPORT'`,
    );
    expect(published.rows).toEqual([{ n: rows.length }]);
  });
});
