import { BrokerUnavailableError, MessageRefusedError } from '../../src/rabbitmq/broker';
import { isReady, openTestBroker, orderPlaced, rabbitMqUrl, record, withRabbitMq } from '../testkit/brokers';
import { eventually } from '../testkit/eventually';
import { messagesIn, useProxiedBrokers } from '../testkit/proxied-brokers';

/** The frames `connection.blocked` and `connection.unblocked` of AMQP 0-9-1, which RabbitMQ sends during an alarm. */
const blocked = Buffer.from('01000000000009000a003c046469736bce', 'hex');
const unblocked = Buffer.from('01000000000004000a003dce', 'hex');

const brokers = useProxiedBrokers();
const unavailable = { name: 'BrokerUnavailableError' };

describe('publish', () => {
  it.each([0, 1])(
    'throws BrokerUnavailableError after %i confirms and a confirm timeout, and recovers',
    async (confirmed) => {
      const { broker, prefix } = await brokers.openReady();
      for (let sent = 0; sent < confirmed; sent += 1)
        expect(await broker.publish(orderPlaced())).toBe('routed');
      brokers.proxy.holdResponses();
      const startedAtMs = performance.now();
      await expect(broker.publish(orderPlaced())).rejects.toMatchObject(unavailable);
      expect(performance.now() - startedAtMs).toBeLessThan(brokers.confirmTimeoutMs + 200);
      expect(broker.status()).toBe('degraded');
      await expect(broker.publish(orderPlaced())).rejects.toMatchObject(unavailable);
      await eventually(async () => expect(await messagesIn(prefix)).toBe(confirmed + 1));
      await brokers.proxy.resume();
      await isReady(broker);
      expect(await broker.publish(orderPlaced())).toBe('routed');
    },
  );

  it('throws BrokerUnavailableError when the connection breaks before the confirm', async () => {
    const { broker, prefix } = await brokers.openReady();
    brokers.proxy.holdResponses();
    const publishing = Promise.allSettled([1, 2, 3].map(() => broker.publish(orderPlaced())));
    await eventually(async () => expect(await messagesIn(prefix)).toBe(3), { intervalMs: 5 });
    brokers.proxy.cut();
    for (const outcome of await publishing) expect(outcome).toMatchObject({ reason: unavailable });
    await brokers.proxy.resume();
    await isReady(broker);
    expect(await broker.publish(orderPlaced())).toBe('routed');
  });

  it('throws BrokerUnavailableError during an alarm, also in flight, and recovers after it', async () => {
    const { broker } = await brokers.openReady();
    brokers.proxy.holdResponses();
    const inFlight = broker.publish(orderPlaced());
    brokers.proxy.sendToClients(blocked);
    await expect(inFlight).rejects.toMatchObject(unavailable);
    const startedAtMs = performance.now();
    await expect(broker.publish(orderPlaced())).rejects.toMatchObject(unavailable);
    expect(performance.now() - startedAtMs).toBeLessThan(50);
    expect(broker.status()).toBe('degraded');
    brokers.proxy.sendToClients(unblocked);
    await brokers.proxy.resume();
    await isReady(broker);
    expect(await broker.publish(orderPlaced())).toBe('routed');
    // A new connection is not blocked by the alarm of the last one.
    brokers.proxy.sendToClients(blocked);
    await eventually(() => expect(broker.status()).toBe('degraded'));
    brokers.proxy.cut();
    await isReady(broker);
  });

  it('throws MessageRefusedError for a message that a full queue rejects', async () => {
    const { broker, prefix } = await brokers.openReady();
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
    const { broker, prefix } = await brokers.openReady();
    await withRabbitMq((channel) => channel.deleteExchange(`${prefix}order.events`));
    await expect(broker.publish(orderPlaced())).rejects.toMatchObject(unavailable);
    await eventually(() => expect(broker.publish(orderPlaced())).resolves.toBe('unroutable'));
  });

  it.each([
    ['the login', (url: URL) => void (url.password = 'wrong')],
    ['the virtual host', (url: URL) => void (url.pathname = '/no-such-host')],
  ])('logs once that RabbitMQ refused %s', async (what, spoil) => {
    const url = new URL(rabbitMqUrl());
    spoil(url);
    const { broker, logged } = openTestBroker({ url: url.href });
    const recorder = record(broker);
    const refusals = () => logged.filter(({ reason }) => reason === `RabbitMQ refused ${what}`);
    await eventually(() => expect(refusals()).not.toEqual([]));
    expect(refusals()).toEqual(
      refusals().map(() => expect.objectContaining({ level: 'error', msg: 'waiting for RabbitMQ' })),
    );
    await recorder.stop();
    await broker.close();
  });

  it('succeeds when RabbitMQ starts after the service', async () => {
    await brokers.proxy.stop();
    const { broker, logged } = await brokers.open();
    const recorder = record(broker);
    await expect(broker.publish(orderPlaced())).rejects.toBeInstanceOf(BrokerUnavailableError);
    await eventually(() => expect(logged.map(({ msg }) => msg)).toContain('waiting for RabbitMQ'));
    expect(broker.status()).toBe('degraded');
    await brokers.proxy.resume();
    await isReady(broker);
    await broker.publish(orderPlaced('a'));
    await eventually(() => expect(recorder.ids()).toEqual(['a']));
    // Each outage is logged, also one with the same reason.
    const waiting = () => logged.filter(({ msg }) => msg === 'waiting for RabbitMQ').length;
    const before = waiting();
    await brokers.proxy.stop();
    await eventually(() => expect(waiting()).toBe(before + 2));
    await brokers.proxy.resume();
    await isReady(broker);
    await recorder.stop();
  });
});
