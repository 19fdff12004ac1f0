import { v7 as uuidv7 } from 'uuid';
import { personalDataMap } from '../../src/privacy/personal-data-map';
import { startTestApp, type TestApp } from '../testkit/app';
import { type CommandLine, type Ended, openCommandLine } from '../testkit/command';
import {
  commerceOf,
  type ForeignMessage,
  type ForeignService,
  foreignEvent,
  orderPlaced,
  paymentFailed,
  startForeignService,
  withHeader,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
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

const run = (...args: string[]): Promise<Ended> => commands.run(args, { DATABASE_URL: app.databaseUrl });
const parked = () =>
  app.sql<{ id: string; userId: string | null }>(
    'SELECT id, user_id AS "userId" FROM parked_messages ORDER BY id',
  );

/** How often operators have seen parked messages of these users. */
async function seenOf(userIds: Iterable<string>): Promise<number[]> {
  const rows = await app.sql<{ userId: string }>(
    `SELECT user_id AS "userId" FROM audit_entries
     WHERE actor_id = 'command-line' AND action = 'USER_READ' AND fields = '{parkedMessages}'`,
  );
  return Array.from(userIds, (id) => rows.filter(({ userId }) => userId === id).length);
}

/** The parked messages that erasing this user would remove. */
async function removedWith(userId: string): Promise<string[]> {
  const rows = await app.sql<{ id: string }>(
    `SELECT id FROM parked_messages WHERE ${personalDataMap.parked_messages?.ofUser}`,
    [userId],
  );
  return rows.map(({ id }) => id);
}

/** A user who has placed an order of this id. */
async function createBuyer(orderId: string = uuidv7()): Promise<string> {
  const { id } = await createUser(app);
  await others.publish(orderPlaced(id, { orderId }));
  await eventually(async () => expect((await commerceOf(app, id)).orderCount).toBe(1));
  return id;
}

/** The message with another body, which can be read or not. */
const withBody = (message: ForeignMessage, body: string | Buffer): ForeignMessage => ({
  ...message,
  body: Buffer.from(body as string),
});

describe('whoever’s record a parked message would be for erasure', () => {
  const unreadable = { timestamp: 'yesterday' };
  /** Messages that cannot be folded, by how they name somebody: by the user’s id, or by an order’s. */
  const ofUsers: Record<string, (userId: string) => ForeignMessage> = {
    'in its data': (userId) => orderPlaced(userId, { total: 'much' }),
    'elsewhere in its data': (userId) => paymentFailed(uuidv7(), { ...unreadable, payers: [{ id: userId }] }),
    'in its header': (userId) => withHeader(paymentFailed(uuidv7(), unreadable), `for ${userId}`),
    'in another type': (userId) => foreignEvent('OrderPlaced', { note: userId }, { type: 'OrderSeen' }),
    'in what is no JSON': (userId) => withBody(paymentFailed(uuidv7()), `{"userId":"${userId}","total":`),
    'in what is no text': (userId) =>
      withBody(orderPlaced(userId), Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`x${userId}9`)])),
  };
  const ofOrders: Record<string, (orderId: string) => ForeignMessage> = {
    'as its order': (orderId) => paymentFailed(orderId, unreadable),
    'in its sentence': (orderId) =>
      paymentFailed(uuidv7(), { ...unreadable, errorMessage: `Order ${orderId}: declined` }),
    'beside NUL': (orderId) => paymentFailed(uuidv7(), { ...unreadable, errorMessage: `\0${orderId}` }),
    'within a word': (orderId) => paymentFailed(uuidv7(), { ...unreadable, reference: `PAY${orderId}PAY` }),
    'in a number': () => withBody(paymentFailed(''), '{"orderId":7305511,"timestamp":0}'),
    'in what is no JSON, too': (orderId) => withBody(paymentFailed(''), `orderId=${orderId};reason=declined`),
  };

  it('has an entry in the audit trail of each time it is shown', async () => {
    const bystander = await createBuyer();
    const buyers = new Map<string, string>();
    for (const [how, message] of Object.entries(ofUsers)) {
      const userId = await createBuyer();
      await others.publish(message(userId));
      buyers.set(how, userId);
    }
    for (const [how, message] of Object.entries(ofOrders)) {
      const orderId = how === 'in a number' ? '7305511' : `A ${how} #${uuidv7()}/1`;
      buyers.set(how, await createBuyer(orderId));
      await others.publish(message(orderId));
    }
    await eventually(async () => expect(await parked()).toHaveLength(buyers.size));
    const messages = await parked();
    // Only one was read so far that it is known whom it is about.
    expect(messages.filter(({ userId }) => userId !== null)).toHaveLength(1);

    const userIds = [...buyers.values()];
    const removed = await Promise.all(userIds.map(removedWith));
    for (const { id } of messages) {
      const before = await seenOf(userIds);
      expect((await run('parked', 'show', id)).code).toBe(0);
      const after = await seenOf(userIds);
      const how = [...buyers.keys()];
      expect(how.filter((_, at) => after[at] !== before[at])).toEqual(
        how.filter((_, at) => removed[at]?.includes(id)),
      );
    }
    expect(await seenOf(userIds)).toEqual(userIds.map(() => 1));
    for (const flags of [['--json'], []]) {
      expect((await run('parked', 'list', ...flags)).code).toBe(0);
      // The plain list tells nothing of anybody.
      expect(await seenOf(userIds)).toEqual(userIds.map(() => 2));
    }
    expect(await seenOf([bystander])).toEqual([0]);
  });

  it('is nobody once the user is erased', async () => {
    const officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
    const orderId = uuidv7();
    const userId = await createBuyer(orderId);
    await mutate(app, 'eraseUser', { userId }, officer);
    // Says whose order it is only to whoever still knows.
    const before = await parked();
    await others.publish(withBody(paymentFailed(''), `{"orderId":"${orderId}"`));
    await eventually(async () => expect(await parked()).toHaveLength(before.length + 1));
    expect((await run('parked', 'list', '--json')).code).toBe(0);
    expect(await seenOf([userId])).toEqual([0]);
  });
});
