import { v7 as uuidv7 } from 'uuid';
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
import { createUser } from '../testkit/users';

let commands: CommandLine;
let app: TestApp;
let others: ForeignService;
let one: string;
let other: string;
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
beforeEach(async () => {
  await app.sql('DELETE FROM parked_messages');
  [{ id: one }, { id: other }] = await Promise.all([createUser(app), createUser(app)]);
});

const parkedReasons = async () =>
  (await app.sql<{ reason: string }>('SELECT reason FROM parked_messages')).map(({ reason }) => reason);
const orderCounts = async () => [
  (await commerceOf(app, one)).orderCount,
  (await commerceOf(app, other)).orderCount,
];

describe('an order', () => {
  it.each([
    // Two batches are folded concurrently, so that the second event may be the first to be folded.
    [
      'at the same time',
      true,
      [
        [1, 4, 1],
        [0, 5, 0],
      ],
    ],
    ['later', false, [[1, 4, 1]]],
  ])(
    'of another user is parked if it comes %s, and the orders behind it are folded',
    async (_when, isTogether, possible) => {
      const orderId = uuidv7();
      const first = orderPlaced(one, { orderId });
      const behind = Array.from({ length: 4 }, () => orderPlaced(other));
      if (!isTogether) {
        await others.publish(first);
        await eventually(async () => expect(await orderCounts()).toEqual([1, 0]));
      }
      const second = orderPlaced(other, { orderId });
      await others.publish(...(isTogether ? [first] : []), second, second, ...behind, paymentFailed(orderId));
      await eventually(async () => {
        const { failedPaymentCount } = await commerceOf(app, one);
        expect(possible).toContainEqual([...(await orderCounts()), failedPaymentCount]);
        expect(new Set(await parkedReasons())).toEqual(new Set(['ORDER_OF_ANOTHER_USER']));
        const failures = failedPaymentCount + (await commerceOf(app, other)).failedPaymentCount;
        expect(failures).toBe(1);
      });
    },
  );

  it('of another user is parked when it waited for its user', async () => {
    const orderId = uuidv7();
    const userId = uuidv7();
    await others.publish(orderPlaced(userId, { orderId }));
    await eventually(async () => expect(await app.sql('SELECT 1 FROM waiting_events')).toHaveLength(1));
    await others.publish(orderPlaced(one, { orderId }));
    await eventually(async () => expect(await orderCounts()).toEqual([1, 0]));
    await createUser(app, { userId });
    await eventually(async () => expect(await parkedReasons()).toEqual(['ORDER_OF_ANOTHER_USER']));
    expect(await app.sql('SELECT 1 FROM waiting_events')).toEqual([]);
    expect((await commerceOf(app, userId)).orderCount).toBe(0);
  });

  it('of another user stays parked when it is replayed', async () => {
    const orderId = uuidv7();
    await others.publish(orderPlaced(one, { orderId }), orderPlaced(other, { orderId }));
    await eventually(async () => expect(await parkedReasons()).toHaveLength(1));
    const replayed = await commands.run(['parked', 'replay', '--all'], { DATABASE_URL: app.databaseUrl });
    expect(replayed).toMatchObject({ code: 1, stdout: expect.stringContaining('1 still parked') });
    expect(await parkedReasons()).toEqual(['ORDER_OF_ANOTHER_USER']);
  });

  it('of a repeated event is folded once and not parked', async () => {
    const orderId = uuidv7();
    const order = orderPlaced(one, { orderId });
    await others.publish(order, order, orderPlaced(one));
    await eventually(async () => expect(await orderCounts()).toEqual([2, 0]));
    expect(await parkedReasons()).toEqual([]);
  });
});
