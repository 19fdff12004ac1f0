import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type CommandLine, openCommandLine, type ProcessOptions } from '../testkit/command';
import { buildRow, resultsIn } from '../testkit/import-rows';
import { type LockedTable, lockTable } from '../testkit/locked-table';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';

let commands: CommandLine;
let folder: string;
const clients = new Map<TestDatabase, Client>();
beforeAll(() => {
  commands = openCommandLine();
  folder = mkdtempSync(join(tmpdir(), 'bulk-'));
});
afterAll(async () => {
  for (const [opened, client] of clients) {
    await client.end();
    await opened.drop();
  }
  await commands.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openDatabase(): Promise<TestDatabase> {
  const opened = await createTestDatabase();
  const client = new Client({ connectionString: opened.url });
  await client.connect();
  clients.set(opened, client);
  return opened;
}

const sql = async (on: TestDatabase, text: string): Promise<any[]> =>
  (await clients.get(on)?.query(text))?.rows ?? [];
const run = (on: TestDatabase, args: string[]) => commands.run(args, { DATABASE_URL: on.url });
const runAlone = (on: TestDatabase, args: string[], options?: ProcessOptions) =>
  commands.runAlone(args, { DATABASE_URL: on.url }, options);

describe('an import of many batches', () => {
  const count = 1_000;
  /** One row in ten repeats an earlier row; another has the address of an earlier row and another name. */
  const rows = Array.from({ length: count }, (_, index) => {
    if (index % 10 === 9) return buildRow(`user-${index - 5}`);
    if (index % 10 === 8) return buildRow(`user-${index - 5}`, { firstName: 'Augusta' });
    return buildRow(`user-${index}`, index % 7 === 0 ? { phoneNumber: 'none' } : {});
  });
  const tables = ['users', 'user_history', 'outbox_events', 'audit_entries', 'idempotency_keys'];
  const stateOf = async (on: TestDatabase) => [
    await sql(on, 'SELECT email, first_name, version FROM users ORDER BY email'),
    await sql(on, `SELECT ${tables.map((name) => `(SELECT count(*) FROM ${name}) AS ${name}`).join(', ')}`),
  ];
  let file: string;
  let wanted: unknown;
  let outcomes: string[];
  beforeAll(async () => {
    file = join(folder, 'many.ndjson');
    writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'));
    const on = await openDatabase();
    const { stdout } = await run(on, ['import', file, '--json']);
    outcomes = resultsIn(stdout).map(({ outcome }) => outcome);
    expect(new Set(outcomes)).toEqual(new Set(['created', 'exists', 'EMAIL_TAKEN', 'INVALID_INPUT']));
    wanted = await stateOf(on);
  });

  it('has the result of one run after it is killed and run again', async () => {
    const on = await openDatabase();
    // Kills the process during a batch: its users are written, its keys are not.
    let locked: Promise<LockedTable> | undefined;
    const onOutput = (child: ChildProcess) => {
      locked ??= lockTable(on.url, 'idempotency_keys').then(async (table) => {
        await table.untilWaiting(1).finally(() => child.kill('SIGKILL'));
        return table;
      });
    };
    const killed = await runAlone(on, ['import', file, '--json'], { onOutput });
    await locked?.then((table) => table.release());
    expect(killed.code).toBe(null);
    const [{ n: done }] = await sql(on, 'SELECT count(*)::int AS n FROM users');
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(outcomes.filter((outcome) => outcome === 'created').length);
    const results = resultsIn((await run(on, ['import', file, '--json'])).stdout);
    expect(results.map(({ line }) => line)).toEqual(rows.map((_, index) => index + 1));
    const before = results.filter(
      ({ outcome }, index) => outcome === 'exists' && outcomes[index] === 'created',
    );
    expect(before).toHaveLength(done);
    expect(
      results.map(({ outcome }, index) => (before.includes(results[index]) ? 'created' : outcome)),
    ).toEqual(outcomes);
    expect(await stateOf(on)).toEqual(wanted);
  });

  it('has the result of one run when it runs twice concurrently', async () => {
    const on = await openDatabase();
    // Both start before either has written a user.
    const table = await lockTable(on.url, 'users');
    const running = [1, 2].map(() => runAlone(on, ['import', file, '--json']));
    await table.untilWaiting(2);
    await table.release();
    const both = await Promise.all(running);
    const [one = [], other = []] = both.map(({ stdout }) => resultsIn(stdout));
    expect(one.map(({ userId }) => userId)).toEqual(other.map(({ userId }) => userId));
    // One of them creates each user; the other prints exists.
    const pairs = outcomes.map((_, index) => new Set([one[index]?.outcome, other[index]?.outcome]));
    expect(pairs).toEqual(outcomes.map((it) => new Set(it === 'created' ? ['created', 'exists'] : [it])));
    expect(await stateOf(on)).toEqual(wanted);
  });
});
