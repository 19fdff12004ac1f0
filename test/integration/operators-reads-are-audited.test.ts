import { v7 as uuidv7 } from 'uuid';
import { personalDataMap } from '../../src/personal-data/personal-data-map';
import { startTestApp, type TestApp } from '../testkit/app';
import { type CommandLine, openCommandLine } from '../testkit/command';
import {
  commerceOf,
  type ForeignService,
  orderPlaced,
  paymentFailed,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { lockTable } from '../testkit/locked-table';
import { withBody } from '../testkit/message-variants';
import { namingOrders, namingUsers } from '../testkit/messages-naming-ids';
import { createUser, mutate } from '../testkit/users';

let commands: CommandLine;
let app: TestApp;
let others: ForeignService;
beforeAll(async () => {
  commands = openCommandLine();
  app = await startTestApp();
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await app.stop();
  await commands.close();
});

const run = (...args: string[]) => commands.run(args, { DATABASE_URL: app.databaseUrl });
const parked = () =>
  app.sql<{ id: string; userId: string | null }>(
    'SELECT id, user_id AS "userId" FROM parked_messages ORDER BY id',
  );

/** Returns for each user how many audit entries record that an operator read a parked message of the user. */
async function readsOf(userIds: Iterable<string>): Promise<number[]> {
  const rows = await app.sql<{ userId: string }>(
    `SELECT unnest(user_ids) AS "userId" FROM audit_entries
     WHERE actor_id = 'command-line' AND action = 'USER_READ' AND field_groups @> '[{"fields": ["parkedMessages"]}]'`,
  );
  return Array.from(userIds, (id) => rows.filter(({ userId }) => userId === id).length);
}

/** Returns the ids of the parked messages that erasing this user would delete. */
async function removedWith(userId: string): Promise<string[]> {
  const rows = await app.sql<{ id: string }>(
    `SELECT id FROM parked_messages WHERE ${personalDataMap.parked_messages?.ofUser}`,
    [userId],
  );
  return rows.map(({ id }) => id);
}

/** Creates a user with an order of this id. */
async function createBuyer(orderId: string = uuidv7()): Promise<string> {
  const { id } = await createUser(app);
  await others.publish(orderPlaced(id, { orderId }));
  await eventually(async () => expect((await commerceOf(app, id)).orderCount).toBe(1));
  return id;
}

describe('the parked command', () => {
  it('writes one audit entry for the user of a message each time it prints the message', async () => {
    const bystander = await createBuyer();
    const buyers = new Map<string, string>();
    for (const [how, message] of Object.entries(namingUsers)) {
      const userId = await createBuyer();
      await others.publish(message(userId));
      buyers.set(how, userId);
    }
    for (const [how, message] of Object.entries(namingOrders)) {
      const orderId = how === 'in a number' ? '7305511' : `A ${how} #${uuidv7()}/1`;
      buyers.set(how, await createBuyer(orderId));
      await others.publish(message(orderId));
    }
    await eventually(async () => expect(await parked()).toHaveLength(buyers.size));
    const messages = await parked();
    // Only one message was valid enough for its user to be known.
    expect(messages.filter(({ userId }) => userId !== null)).toHaveLength(1);

    const userIds = [...buyers.values()];
    const removed = await Promise.all(userIds.map(removedWith));
    for (const { id } of messages) {
      const before = await readsOf(userIds);
      expect((await run('parked', 'show', id)).code).toBe(0);
      const after = await readsOf(userIds);
      const how = [...buyers.keys()];
      const read = how.filter((_, at) => after[at] !== before[at]);
      expect(read).toHaveLength(1);
      expect(read).toEqual(expect.arrayContaining(how.filter((_, at) => removed[at]?.includes(id))));
    }
    expect(await readsOf(userIds)).toEqual(userIds.map(() => 1));
    for (const flags of [['--json'], []]) {
      expect((await run('parked', 'list', ...flags)).code).toBe(0);
      // The plain list has no personal data.
      expect(await readsOf(userIds)).toEqual(userIds.map(() => 2));
    }
    expect(await readsOf([bystander])).toEqual([0]);
  });

  it('writes no audit entry for an erased user', async () => {
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    const orderId = uuidv7();
    const userId = await createBuyer(orderId);
    await mutate(app, 'eraseUser', { userId }, officer);
    const before = await parked();
    // An order id within a word is found only by a scan of the text.
    await others.publish(withBody(paymentFailed(''), `{"reference":"PAY${orderId}PAY"`));
    await eventually(async () => expect(await parked()).toHaveLength(before.length + 1));
    expect((await run('parked', 'list', '--json')).code).toBe(0);
    expect(await readsOf([userId])).toEqual([0]);
  });
});

it.each([
  ['parked list --json', () => ['parked', 'list', '--json']],
  ['parked show', (_userId: string, parkedId: string) => ['parked', 'show', parkedId]],
  ['recompute', () => ['recompute']],
  ['erase --dry-run', (userId: string) => ['erase', userId, '--dry-run', '--json']],
  ['export', (userId: string) => ['export', userId]],
  ['export-all', () => ['export-all']],
])('%s prints no data of a user before its audit entry is committed', async (_name, argumentsFor) => {
  const userId = await createBuyer();
  await app.sql('UPDATE user_commerce SET order_count = 7 WHERE user_id = $1', [userId]);
  await others.publish(orderPlaced(userId, { total: 'much' }));
  const parkedOf = async () => (await parked()).find((message) => message.userId === userId);
  await eventually(async () => expect(await parkedOf()).toBeDefined());
  const args = argumentsFor(userId, (await parkedOf())?.id ?? '');
  const lock = await lockTable(app.databaseUrl, 'audit_entries');
  let printed = '';
  const running = commands.runAlone(
    args,
    { DATABASE_URL: app.databaseUrl },
    { onOutput: (_child, stdout) => (printed = stdout) },
  );
  await lock.untilWaiting(1);
  const before = printed;
  await lock.release();
  expect((await running).stdout).toContain(userId);
  expect(before).toBe('');
});
