import { startTestApp, type TestApp } from '../testkit/app';
import {
  commerceOf,
  type ForeignService,
  orderPlaced,
  paymentFailed,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { inBase64, withBody } from '../testkit/message-variants';
import { namingUsers } from '../testkit/messages-naming-ids';
import { createUser, mutate } from '../testkit/users';

let app: TestApp;
let others: ForeignService;
let officer: string;
beforeAll(async () => {
  app = await startTestApp();
  others = await startForeignService(app);
  officer = await app.token({ sub: 'officer', scope: 'users:privacy' });
});
afterAll(async () => {
  await others.close();
  await app.stop();
});
afterEach(() => app.sql('DELETE FROM parked_messages'));

const bodies = async () =>
  (await app.sql<{ body: Buffer }>('SELECT body FROM parked_messages')).map(({ body }) => body.toString());
const erase = (userId: string) => mutate(app, 'eraseUser', { userId }, officer);
const ofNobody = withBody(paymentFailed(''), 'of nobody');

it.each(Object.entries(namingUsers))(
  'erasing a user takes a message that names the user %s',
  async (_how, of) => {
    const { id: userId } = await createUser(app);
    await others.publish(of(userId), ofNobody);
    await eventually(async () => expect(await bodies()).toHaveLength(2));
    await erase(userId);
    await eventually(async () => expect(await bodies()).toEqual(['of nobody']));
  },
);

it.each(Object.entries(namingUsers))(
  'a message is not kept that names an erased user %s',
  async (_how, of) => {
    const { id: userId } = await createUser(app);
    await erase(userId);
    await others.publish(of(userId), ofNobody);
    await eventually(async () => expect(await bodies()).toEqual(['of nobody']));
  },
);

it('an unreadable payment goes with whose order it names, and is not kept once that user is erased', async () => {
  const { id: userId } = await createUser(app);
  await others.publish(orderPlaced(userId, { orderId: 'order-of-kanari' }));
  await eventually(async () => expect((await commerceOf(app, userId)).orderCount).toBe(1));
  const payment = paymentFailed('order-of-kanari', { timestamp: 'yesterday' });
  const encoded = inBase64(paymentFailed('order-of-kanari', { timestamp: 'tomorrow' }));
  await others.publish(payment, encoded, ofNobody);
  await eventually(async () => expect(await bodies()).toHaveLength(3));
  await erase(userId);
  await eventually(async () => expect(await bodies()).toEqual(['of nobody']));

  await app.sql('DELETE FROM parked_messages');
  await others.publish(payment, encoded, ofNobody);
  await eventually(async () => expect(await bodies()).toEqual(['of nobody']));
});

it('a payment stays whose order is not the erased user’s, however alike the ids are', async () => {
  const { id: userId } = await createUser(app);
  await others.publish(orderPlaced(userId, { orderId: '7' }));
  await eventually(async () => expect((await commerceOf(app, userId)).orderCount).toBe(1));
  const payment = paymentFailed('1789', { timestamp: 'yesterday', amount: { value: '7', currency: 'EUR' } });
  await others.publish(payment);
  await eventually(async () => expect(await bodies()).toHaveLength(1));
  await erase(userId);
  await eventually(async () =>
    expect(await app.sql('SELECT status FROM erasures WHERE user_id = $1', [userId])).toEqual([
      { status: 'COMPLETED' },
    ]),
  );
  expect(await bodies()).toHaveLength(1);
});
