import { startTestApp, type TestApp } from '../testkit/app';
import { commerceOf, type ForeignService, startForeignService } from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { exampleUserId, inboundExamples } from '../testkit/message-examples';
import { createUser } from '../testkit/users';

let app: TestApp;
let others: ForeignService;
beforeAll(async () => {
  app = await startTestApp();
  others = await startForeignService(app);
});
afterAll(async () => {
  await others.close();
  await app.stop();
});

const entryTypes: Record<string, string> = {
  OrderPlaced: 'ORDER_PLACED',
  PaymentFailed: 'PAYMENT_FAILED',
  OrderCancelled: 'ORDER_CANCELLED',
  OrderCanceled: 'ORDER_CANCELLED',
  LoyaltyPointsEarned: 'LOYALTY_POINTS_EARNED',
};

it('the intake folds every form of every inbound example and parks none', async () => {
  await createUser(app, { userId: exampleUserId });
  const examples = inboundExamples();
  const cancellations = examples.filter(({ type }) => entryTypes[type] === 'ORDER_CANCELLED');
  // All cancel the same two orders, and an order is cancelled once.
  const signIns = examples.filter(({ exchange }) => exchange === 'authentication.events');
  const entryCount = examples.length - signIns.length - cancellations.length + 2;
  await others.publish(...examples);

  await eventually(async () => {
    expect(await app.sql('SELECT reason, detail, type FROM parked_messages')).toEqual([]);
    const { history } = await commerceOf(app, exampleUserId);
    expect(history).toHaveLength(entryCount);
  });
  const { history } = await commerceOf(app, exampleUserId);
  const folded = history.map(
    (it: Record<string, string>) => `${it['type']} ${it['source']} ${it['eventId']}`,
  );
  const published = examples.map(({ type, source, eventId }) => `${entryTypes[type]} ${source} ${eventId}`);
  expect(published).toEqual(expect.arrayContaining(folded));
});
