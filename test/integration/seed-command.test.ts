import { Client } from 'pg';
import { demoUser, seedUserId } from '../../src/commands/seed-story';
import { exampleUserId } from '../../src/explorer/explorer-examples';
import { type CommandLine, openCommandLine } from '../testkit/command';
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

describe('seed', () => {
  it('creates orders, late payment failures, and deactivated and erased users', async () => {
    const seededDatabase = await createTestDatabase();
    const seeded = await run(['seed', '--users', '25', '--json'], { DATABASE_URL: seededDatabase.url });
    expect(JSON.parse(seeded.stdout)).toEqual({ created: 25, present: 0 });
    const client = new Client({ connectionString: seededDatabase.url });
    await client.connect();
    const { rows } = await client.query(`SELECT
      (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM erased_users) AS erased,
      (SELECT count(*)::int FROM users WHERE status = 'DEACTIVATED') AS deactivated,
      (SELECT count(*)::int FROM user_history WHERE type = 'ORDER_PLACED') AS orders,
      (SELECT count(*)::int FROM user_history WHERE type = 'PAYMENT_FAILED' AND late) AS late_failures`);
    await client.end();
    await seededDatabase.drop();
    expect(rows).toEqual([{ users: 24, erased: 1, deactivated: 1, orders: 8, late_failures: 8 }]);
  });

  it('creates the user of the explorer’s examples first', () => {
    expect([seedUserId(0), demoUser(0).email]).toEqual([exampleUserId, 'ada@example.com']);
    expect(new Set([0, 1, 2].map(seedUserId)).size).toBe(3);
  });

  it('creates each demo user once', async () => {
    await run(['seed', '--users', '30']);
    expect(await run(['seed', '--users', '31'])).toMatchObject({
      code: 0,
      stdout: '1 created, 30 existed already\n',
    });
  });

  it('fails in production', async () => {
    const { code, stderr } = await run(['seed'], { NODE_ENV: 'production' });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('for development only') });
  });
});
