import { v7 as uuidv7 } from 'uuid';
import { deadLetterQueue } from '../../src/rabbitmq/topology';
import { startTestApp, type TestApp } from '../testkit/app';
import { isReady, openTestBroker, record, withRabbitMq } from '../testkit/brokers';
import {
  commerceOf,
  type ForeignService,
  orderPlaced,
  startForeignService,
} from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { newAmqpPrefix } from '../testkit/test-run';
import { createUser } from '../testkit/users';
import { removeTopology } from '../testkit/witness';

describe('a batch that is retried', () => {
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

  const degraded = async () =>
    ((await (await fetch(`${app.url}/health/ready`)).json()) as { degraded: string[] }).degraded;
  const blockedSeconds = async () => {
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    return Number(/^user_service_intake_blocked_seconds (.*)$/m.exec(metrics)?.[1]);
  };

  it('is shown by readiness, the gauge and the log until it is folded', async () => {
    const { id } = await createUser(app);
    expect(await blockedSeconds()).toBe(0);
    // The fault of the database, so that the message is not parked.
    await app.sql('ALTER TABLE user_orders RENAME TO hidden_orders');
    await others.publish(orderPlaced(id));
    await eventually(async () => {
      expect(await degraded()).toEqual(['intake']);
      expect(await blockedSeconds()).toBeGreaterThan(0.2);
    });
    expect(app.logged).toContainEqual(
      expect.objectContaining({
        msg: 'a batch of deliveries failed and is retried',
        level: 'warn',
        queue: 'user-service.history',
        deliveries: 1,
        blockedSeconds: 0,
      }),
    );
    await app.sql('ALTER TABLE hidden_orders RENAME TO user_orders');
    await eventually(async () => expect((await commerceOf(app, id)).orderCount).toBe(1), {
      timeoutMs: 10_000,
    });
    await eventually(async () => {
      expect(await degraded()).toEqual([]);
      expect(await blockedSeconds()).toBe(0);
    });
  });

  it('is shown by readiness also if it has dead letters', async () => {
    await app.sql('ALTER TABLE parked_messages RENAME TO hidden_messages');
    await others.giveUp(orderPlaced(uuidv7()));
    await eventually(async () => expect(await degraded()).toEqual(['intake']));
    await app.sql('ALTER TABLE hidden_messages RENAME TO parked_messages');
    await eventually(async () => expect(await degraded()).toEqual([]), { timeoutMs: 10_000 });
  });
});

describe('the queue of dead letters', () => {
  const unbounded = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2_000_000_000 };

  it.each([
    ['is declared with limits', null, 0],
    ['is used as it is when it exists without limits', unbounded, 1],
  ])('%s', async (_what, existing, warnings) => {
    const prefix = newAmqpPrefix();
    const queue = `${prefix}${deadLetterQueue}`;
    if (existing)
      await withRabbitMq((channel) => channel.assertQueue(queue, { durable: true, arguments: existing }));
    const { broker, logged } = openTestBroker({ prefix });
    try {
      const recorder = record(broker, undefined, { queue: deadLetterQueue });
      await isReady(broker);
      const declared = existing ?? {
        'x-queue-type': 'quorum',
        'x-delivery-limit': 1_000,
        'x-max-length': 100_000,
        'x-max-length-bytes': 1_073_741_824,
        'x-overflow': 'reject-publish',
      };
      await withRabbitMq(async (channel) => {
        await channel.assertQueue(queue, { durable: true, arguments: declared });
        channel.sendToQueue(queue, Buffer.from('x'), { messageId: 'a' });
        await channel.waitForConfirms();
      });
      await eventually(() => expect(recorder.ids()).toEqual(['a']));
      expect(
        logged.filter(({ msg }) => msg === 'a queue exists with other arguments and is used as it is'),
      ).toHaveLength(warnings);
    } finally {
      await broker.close();
      await removeTopology(prefix);
    }
  });
});
