import { BrokerUnavailableError, MessageRefusedError } from '../../src/rabbitmq/broker';
import { RabbitMqConnection } from '../../src/rabbitmq/rabbitmq-connection';
import { historyQueue } from '../../src/rabbitmq/topology';
import { createLogger } from '../../src/telemetry/logger';
import {
  isReady,
  openTestBroker,
  orderPlaced,
  rabbitMqUrl,
  record,
  type TestBroker,
  withRabbitMq,
} from '../testkit/brokers';
import { eventually } from '../testkit/eventually';
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy';
import { newAmqpPrefix } from '../testkit/test-run';
import { removeTopology } from '../testkit/witness';

/** The frames `connection.blocked` and `connection.unblocked` of AMQP 0-9-1, which RabbitMQ sends during an alarm. */
const blocked = Buffer.from('01000000000009000a003c046469736bce', 'hex');
const unblocked = Buffer.from('01000000000004000a003dce', 'hex');

const confirmTimeoutMs = 300;
const opened: TestBroker[] = [];
let proxy: TcpProxy;
beforeEach(async () => {
  proxy = await startTcpProxy(rabbitMqUrl());
});
afterEach(async () => {
  const brokers = opened.splice(0);
  await Promise.all(brokers.map(({ broker }) => broker.close()));
  await proxy.close();
  for (const { prefix } of brokers) await removeTopology(prefix);
});

/** Opens a broker through the proxy. */
async function open({ prefix }: { prefix?: string } = {}): Promise<TestBroker> {
  const opening = openTestBroker({ url: proxy.url, confirmTimeoutMs, ...(prefix && { prefix }) });
  opened.push(opening);
  return opening;
}

async function openReady(): Promise<TestBroker> {
  const opening = await open();
  await record(opening.broker).stop();
  await isReady(opening.broker);
  return opening;
}

const messagesIn = (prefix: string) =>
  withRabbitMq(async (channel) => (await channel.checkQueue(`${prefix}${historyQueue}`)).messageCount);

const unavailable = { name: 'BrokerUnavailableError' };

describe('publish', () => {
  it('throws BrokerUnavailableError after a confirm timeout, and recovers', async () => {
    const { broker, prefix } = await openReady();
    proxy.holdResponses();
    const startedAtMs = performance.now();
    await expect(broker.publish(orderPlaced())).rejects.toMatchObject(unavailable);
    expect(performance.now() - startedAtMs).toBeLessThan(confirmTimeoutMs + 200);
    expect(broker.status()).toBe('degraded');
    await expect(broker.publish(orderPlaced())).rejects.toMatchObject(unavailable);
    await eventually(async () => expect(await messagesIn(prefix)).toBe(1));
    await proxy.resume();
    await isReady(broker);
    expect(await broker.publish(orderPlaced())).toBe('routed');
  });

  it('throws BrokerUnavailableError when the connection breaks before the confirm', async () => {
    const { broker, prefix } = await openReady();
    proxy.holdResponses();
    const publishing = Promise.allSettled([1, 2, 3].map(() => broker.publish(orderPlaced())));
    await eventually(async () => expect(await messagesIn(prefix)).toBe(3), { intervalMs: 5 });
    proxy.cut();
    for (const outcome of await publishing) expect(outcome).toMatchObject({ reason: unavailable });
    await proxy.resume();
    await isReady(broker);
    expect(await broker.publish(orderPlaced())).toBe('routed');
  });

  it('throws BrokerUnavailableError during an alarm, also in flight, and recovers after it', async () => {
    const { broker } = await openReady();
    proxy.holdResponses();
    const inFlight = broker.publish(orderPlaced());
    proxy.sendToClients(blocked);
    await expect(inFlight).rejects.toMatchObject(unavailable);
    const startedAtMs = performance.now();
    await expect(broker.publish(orderPlaced())).rejects.toMatchObject(unavailable);
    expect(performance.now() - startedAtMs).toBeLessThan(50);
    expect(broker.status()).toBe('degraded');
    proxy.sendToClients(unblocked);
    await proxy.resume();
    await isReady(broker);
    expect(await broker.publish(orderPlaced())).toBe('routed');
  });

  it('throws MessageRefusedError for a message that a full queue rejects', async () => {
    const { broker, prefix } = await openReady();
    await withRabbitMq(async (channel) => {
      const full = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
      await channel.assertQueue(`${prefix}full`, { arguments: full });
      await channel.bindQueue(`${prefix}full`, `${prefix}user.events`, 'user.created');
    });
    const message = { ...orderPlaced(), exchange: 'user.events', routingKey: 'user.created' };
    expect(await broker.publish(message)).toBe('routed');
    await expect(broker.publish(message)).rejects.toBeInstanceOf(MessageRefusedError);
    expect(await broker.publish({ ...message, routingKey: 'user.updated' })).toBe('unroutable');
    await withRabbitMq((channel) => channel.deleteQueue(`${prefix}full`));
  });

  it('declares a deleted exchange again', async () => {
    const { broker, prefix } = await openReady();
    await withRabbitMq((channel) => channel.deleteExchange(`${prefix}order.events`));
    await expect(broker.publish(orderPlaced())).rejects.toMatchObject(unavailable);
    await eventually(() => expect(broker.publish(orderPlaced())).resolves.toBe('unroutable'));
  });

  it('succeeds when RabbitMQ starts after the service', async () => {
    await proxy.stop();
    const { broker, logged } = await open();
    const recorder = record(broker);
    await expect(broker.publish(orderPlaced())).rejects.toBeInstanceOf(BrokerUnavailableError);
    await eventually(() => expect(logged.map(({ msg }) => msg)).toContain('waiting for RabbitMQ'));
    expect(broker.status()).toBe('degraded');
    await proxy.resume();
    await isReady(broker);
    await broker.publish(orderPlaced('a'));
    await eventually(() => expect(recorder.ids()).toEqual(['a']));
    await recorder.stop();
  });
});

describe('a consumer', () => {
  it('receives unacknowledged messages of a broken connection again, and acknowledges each once', async () => {
    const { broker, prefix, logged } = await openReady();
    for (const id of ['a', 'b', 'c']) await broker.publish(orderPlaced(id));
    let finish: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const recorder = record(broker, () => (recorder.batches.length === 1 ? first : Promise.resolve()), {
      batchSize: 2,
    });
    await eventually(() => expect(recorder.ids()).toEqual(['a', 'b']));
    proxy.cut();
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
    const { broker, prefix } = await openReady();
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
    const { broker, logged } = await openReady();
    let batches = 0;
    const recorder = record(broker, async () => {
      batches += 1;
      // An acknowledgement with an unknown delivery tag: channel 1, tag 4,000,000.
      if (batches === 1)
        proxy.sendToService(Buffer.from('0100010000000d003c005000000000003d090000ce', 'hex'));
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
    const { broker, logged } = await open({ prefix });
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
    await recorder.stop();
  });

  it('uses an exchange that another team declared with other arguments', async () => {
    const prefix = newAmqpPrefix();
    await withRabbitMq((channel) =>
      channel.assertExchange(`${prefix}order.events`, 'topic', { durable: true, alternateExchange: 'lost' }),
    );
    const { broker } = await open({ prefix });
    const recorder = record(broker);
    await isReady(broker);
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
    const { broker } = await openReady();
    const recorder = record(broker);
    await isReady(broker);
    proxy.freeze();
    expect(await elapsedMs(broker.close())).toBeLessThan(2_000);
    await recorder.stop();
    await proxy.resume();
  });

  it('does not wait for a connection that is being opened', async () => {
    proxy.freeze();
    const { broker } = await open();
    await eventually(() => expect(proxy.connections).toBeGreaterThan(0));
    expect(await elapsedMs(broker.close())).toBeLessThan(200);
    await proxy.resume();
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
