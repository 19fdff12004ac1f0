import { RabbitMqConnection } from '../../src/rabbitmq/rabbitmq-connection';
import { historyQueue } from '../../src/rabbitmq/topology';
import { createLogger } from '../../src/telemetry/logger';
import { isReady, orderPlaced, rabbitMqUrl, record, withRabbitMq } from '../testkit/brokers';
import { eventually } from '../testkit/eventually';
import { messagesIn, useProxiedBrokers } from '../testkit/proxied-brokers';
import { newAmqpPrefix } from '../testkit/test-run';

const brokers = useProxiedBrokers();

describe('a consumer', () => {
  it('receives unacknowledged messages of a broken connection again, and acknowledges each once', async () => {
    const { broker, prefix, logged } = await brokers.openReady();
    for (const id of ['a', 'b', 'c']) await broker.publish(orderPlaced(id));
    let finish: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const recorder = record(broker, () => (recorder.batches.length === 1 ? first : Promise.resolve()), {
      batchSize: 2,
    });
    await eventually(() => expect(recorder.ids()).toEqual(['a', 'b']));
    brokers.proxy.cut();
    await eventually(() => expect(broker.status()).toBe('degraded'), { intervalMs: 1 });
    await isReady(broker);
    finish();
    await eventually(() => expect(recorder.ids()).toEqual(['a', 'b', 'a', 'b', 'c']));
    await recorder.stop();
    expect(await messagesIn(prefix)).toBe(0);
    expect(recorder.batches[1]?.[0]).toMatchObject({ redelivered: true, deliveryCount: 1 });
    // A double acknowledgement would have closed the channel.
    expect(logged.map(({ msg }) => msg)).not.toContain('RabbitMQ closed a consuming channel');
  });

  it('resumes after its queue was deleted', async () => {
    const { broker, prefix } = await brokers.openReady();
    const recorder = record(broker);
    await isReady(broker);
    await withRabbitMq((channel) => channel.deleteQueue(`${prefix}${historyQueue}`));
    await eventually(async () => {
      await broker.publish(orderPlaced());
      expect(recorder.ids().length).toBeGreaterThan(0);
    });
    await recorder.stop();
  });

  it('resumes after RabbitMQ closed its channel', async () => {
    const { broker, logged } = await brokers.openReady();
    let batches = 0;
    const recorder = record(broker, async () => {
      batches += 1;
      // An acknowledgement with an unknown delivery tag: channel 1, tag 4,000,000.
      if (batches === 1)
        brokers.proxy.sendToService(Buffer.from('0100010000000d003c005000000000003d090000ce', 'hex'));
    });
    await isReady(broker);
    await broker.publish(orderPlaced('a'));
    await eventually(() =>
      expect(logged.map(({ msg }) => msg)).toContain('RabbitMQ closed a consuming channel'),
    );
    await isReady(broker);
    await broker.publish(orderPlaced('b'));
    await eventually(() => expect(recorder.ids().at(-1)).toBe('b'));
    await recorder.stop();
  });

  it('logs one error while its queue has other arguments, and publish succeeds', async () => {
    const prefix = newAmqpPrefix();
    await withRabbitMq((channel) => channel.assertQueue(`${prefix}${historyQueue}`, { durable: true }));
    const { broker, logged } = await brokers.open({ prefix });
    const recorder = record(broker);
    const message = { ...orderPlaced(), exchange: 'user.events', routingKey: 'user.created' };
    await eventually(() => expect(broker.publish(message)).resolves.toBe('unroutable'));
    const attempts = () =>
      logged.filter(({ msg }) => msg === 'the connection to RabbitMQ could not be set up').length;
    await eventually(() => expect(attempts()).toBeGreaterThan(2));
    expect(broker.status()).toBe('degraded');
    expect(logged.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({ queue: `${prefix}${historyQueue}` }),
    ]);
    await withRabbitMq((channel) => channel.deleteQueue(`${prefix}${historyQueue}`));
    await isReady(broker);
    await broker.publish(orderPlaced('a'));
    await eventually(() => expect(recorder.ids()).toEqual(['a']));
    // A conflict after the end of the first one is logged, too.
    await withRabbitMq(async (channel) => {
      await channel.deleteQueue(`${prefix}${historyQueue}`);
      await channel.assertQueue(`${prefix}${historyQueue}`, { durable: true });
    });
    await eventually(() => expect(logged.filter(({ level }) => level === 'error')).toHaveLength(2));
    await withRabbitMq((channel) => channel.deleteQueue(`${prefix}${historyQueue}`));
    await isReady(broker);
    await recorder.stop();
  });

  it('uses an exchange that another team declared with other arguments', async () => {
    const prefix = newAmqpPrefix();
    await withRabbitMq((channel) =>
      channel.assertExchange(`${prefix}order.events`, 'topic', { durable: true, alternateExchange: 'lost' }),
    );
    const { broker, logged } = await brokers.open({ prefix });
    const recorder = record(broker);
    await isReady(broker);
    expect(logged).toContainEqual(
      expect.objectContaining({ level: 'warn', exchange: `${prefix}order.events`, replyCode: 406 }),
    );
    await broker.publish(orderPlaced('a'));
    await eventually(() => expect(recorder.ids()).toEqual(['a']));
    await recorder.stop();
  });
});

describe('close', () => {
  const elapsedMs = async (work: Promise<unknown>) => {
    const startedAtMs = performance.now();
    await work;
    return performance.now() - startedAtMs;
  };

  it('takes two seconds at most when RabbitMQ is frozen', async () => {
    const { broker } = await brokers.openReady();
    const recorder = record(broker);
    await isReady(broker);
    brokers.proxy.freeze();
    expect(await elapsedMs(broker.close())).toBeLessThan(2_000);
    await recorder.stop();
    await brokers.proxy.resume();
  });

  it('does not wait for a connection that is being opened', async () => {
    brokers.proxy.freeze();
    const { broker } = await brokers.open();
    await eventually(() => expect(brokers.proxy.connections).toBeGreaterThan(0));
    expect(await elapsedMs(broker.close())).toBeLessThan(200);
    await brokers.proxy.resume();
  });

  it('does not wait for the setup of a connection', async () => {
    let begun: () => void = () => undefined;
    const setUp = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const connection = new RabbitMqConnection({
      url: rabbitMqUrl(),
      name: 'test',
      log: createLogger({ level: 'silent' }),
      setup: () => {
        begun();
        return new Promise(() => undefined);
      },
    });
    await setUp;
    expect(await elapsedMs(connection.close())).toBeLessThan(2_000);
  });
});
