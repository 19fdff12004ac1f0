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
const ofNoUser = withBody(paymentFailed(''), 'of no user');

it.each(Object.entries(namingUsers))(
  'eraseUser deletes a parked message that names the user %s',
  async (_how, of) => {
    const { id: userId } = await createUser(app);
    await others.publish(of(userId), ofNoUser);
    await eventually(async () => expect(await bodies()).toHaveLength(2));
    await erase(userId);
    await eventually(async () => expect(await bodies()).toEqual(['of no user']));
  },
);

it.each(Object.entries(namingUsers))(
  'the intake does not park a message that names an erased user %s',
  async (_how, of) => {
    const { id: userId } = await createUser(app);
    await erase(userId);
    await others.publish(of(userId), ofNoUser);
    await eventually(async () => expect(await bodies()).toEqual(['of no user']));
  },
);

it('eraseUser deletes a parked payment for an order of the user, and later ones are not parked', async () => {
  const { id: userId } = await createUser(app);
  await others.publish(orderPlaced(userId, { orderId: 'order-of-kanari' }));
  await eventually(async () => expect((await commerceOf(app, userId)).orderCount).toBe(1));
  const payment = paymentFailed('order-of-kanari', { timestamp: 'yesterday' });
  const encoded = inBase64(paymentFailed('order-of-kanari', { timestamp: 'tomorrow' }));
  await others.publish(payment, encoded, ofNoUser);
  await eventually(async () => expect(await bodies()).toHaveLength(3));
  await erase(userId);
  await eventually(async () => expect(await bodies()).toEqual(['of no user']));

  await app.sql('DELETE FROM parked_messages');
  await others.publish(payment, encoded, ofNoUser);
  await eventually(async () => expect(await bodies()).toEqual(['of no user']));
});

it('eraseUser keeps a parked payment whose order id only contains that of the user', async () => {
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

it.each([
  ['address', (user: { email: string }) => `order of ${user.email}, unpaid`],
  ['address in other letters', (user: { email: string }) => `{"mail": "${user.email.toUpperCase()}"`],
  ['address in JSON', (user: { email: string }) => JSON.stringify({ to: [`Ada <${user.email}>`] })],
  ['phone number', () => 'call +4930 901-820 now'],
  ['phone number without its plus sign', () => '{"phone": "4930901820"}'],
])('eraseUser deletes a parked message that has only the %s of the user', async (_what, textOf) => {
  await app.sql('UPDATE users SET phone_number = NULL');
  const user = await createUser(app, { phoneNumber: '+4930901820' });
  await others.publish(withBody(paymentFailed(''), textOf(user)), ofNoUser);
  await eventually(async () => expect(await bodies()).toHaveLength(2));
  await erase(user.id);
  await eventually(async () => expect(await bodies()).toEqual(['of no user']));
});
