import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker, Delivery } from '../../src/rabbitmq/broker';
import { BrokerUnavailableError } from '../../src/rabbitmq/broker';
import { InProcessBroker } from '../../src/rabbitmq/in-process-broker';
import { erasuresFileIn, StreamFile } from '../../src/rabbitmq/stream-file';
import { topologyOf } from '../../src/rabbitmq/topology';
import { createLogger } from '../../src/telemetry/logger';
import { isReady, openTestBroker, orderPlaced, record } from '../testkit/brokers';
import { eventually } from '../testkit/eventually';
import { gate } from '../testkit/gate';
import { removeTopology } from '../testkit/witness';

const kinds = {
  RabbitMQ() {
    const { broker, prefix } = openTestBroker();
    return { broker, remove: () => removeTopology(prefix) };
  },
  'the in-process broker'() {
    const directory = mkdtempSync(join(tmpdir(), 'user-service-'));
    const erasures = new StreamFile(erasuresFileIn(directory));
    const broker = new InProcessBroker(topologyOf(), createLogger({ level: 'silent' }), erasures);
    return { broker, remove: async () => rmSync(directory, { recursive: true }) };
  },
};

describe.each(Object.entries(kinds))('%s', (_, start) => {
  let broker: Broker;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ broker, remove } = start());
    // Declares the queues.
    await record(broker).stop();
    await isReady(broker);
  });
  afterEach(async () => {
    await broker.close();
    await remove();
  });

  const publish = async (...ids: string[]) => {
    for (const id of ids) await broker.publish(orderPlaced(id));
  };

  it('delivers a message unchanged', async () => {
    const message = orderPlaced();
    expect(await broker.publish(message)).toBe('routed');
    const recorder = record(broker);
    await eventually(() => expect(recorder.ids()).toEqual([message.messageId]));
    await recorder.stop();
    expect(recorder.batches[0]?.[0]).toEqual({
      exchange: 'order.events',
      routingKey: 'order.placed',
      queue: 'user-service.history',
      body: message.body,
      redelivered: false,
      deliveryCount: 0,
      properties: {
        messageId: message.messageId,
        type: 'OrderPlaced',
        contentType: 'application/json',
        timestamp: expect.any(Date),
        headers: { 'ce-source': '/orders' },
      },
    } satisfies Delivery);
  });

  it('delivers in order, one batch at a time, none above the batch size', async () => {
    const ids = Array.from({ length: 23 }, (_, at) => `message-${at}`);
    await publish(...ids);
    let running = 0;
    let mostConcurrent = 0;
    const recorder = record(broker, async () => {
      running += 1;
      mostConcurrent = Math.max(mostConcurrent, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    });
    await eventually(() => expect(recorder.ids()).toEqual(ids));
    await recorder.stop();
    expect(mostConcurrent).toBe(1);
    expect(Math.max(...recorder.batches.map(({ length }) => length))).toBe(5);
  });

  it('redelivers a failed batch unchanged before anything else', async () => {
    await publish('a', 'b', 'c');
    let failures = 2;
    const recorder = record(
      broker,
      async () => {
        if (failures-- > 0) throw new Error('the database is unavailable');
      },
      { batchSize: 2 },
    );
    await eventually(() => expect(recorder.ids().at(-1)).toBe('c'));
    await recorder.stop();
    const [first, second, third] = recorder.batches;
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(first?.[0]?.deliveryCount).toBe(0);
  });

  it('redelivers after a synchronous exception', async () => {
    await publish('a');
    let failures = 1;
    const recorder = record(broker, () => {
      if (failures-- > 0) throw new Error('a slip');
      return Promise.resolve();
    });
    await eventually(() => expect(recorder.ids()).toEqual(['a', 'a']));
    await recorder.stop();
  });

  it('stop waits for the current batch, acknowledges it and takes no other', async () => {
    await publish('a', 'b');
    const { opened, open } = gate();
    const recorder = record(broker, () => opened, { batchSize: 1 });
    await eventually(() => expect(recorder.ids()).toEqual(['a']));
    let stopped = false;
    const stopping = recorder.stop().then(() => {
      stopped = true;
    });
    // RabbitMQ cancels the consumer before it confirms all of these.
    await publish('c', 'd', 'e');
    expect(stopped).toBe(false);
    open();
    await stopping;
    expect(recorder.ids()).toEqual(['a']);
    const next = record(broker);
    await eventually(() => expect(next.ids()).toEqual(['b', 'c', 'd', 'e']));
    await next.stop();
  });

  it('redelivers unprocessed messages to the next consumer and counts the delivery', async () => {
    await publish('a', 'b', 'c', 'd');
    const unavailable = () => Promise.reject(new Error('the database is unavailable'));
    const recorder = record(broker, unavailable, { prefetch: 2 });
    await eventually(() => expect(recorder.batches.length).toBeGreaterThan(0));
    await recorder.stop();
    const next = record(broker);
    await eventually(() => expect(next.ids()).toEqual(['a', 'b', 'c', 'd']));
    await next.stop();
    const [first] = next.batches.flat();
    expect(first).toMatchObject({ redelivered: true, deliveryCount: 1 });
  });

  it('does not redeliver processed messages', async () => {
    await publish('a');
    const recorder = record(broker);
    await eventually(() => expect(recorder.ids()).toEqual(['a']));
    await recorder.stop();
    await publish('b');
    const next = record(broker);
    await eventually(() => expect(next.ids()).toEqual(['b']));
    await next.stop();
  });

  it('publish returns unroutable when no queue is bound for the key', async () => {
    expect(await broker.publish({ ...orderPlaced(), routingKey: 'order.unheard-of' })).toBe('unroutable');
  });

  it('rejects undeclared exchanges and queues, and stays usable', async () => {
    const lost = broker.publish({ ...orderPlaced(), exchange: 'no.such' });
    await expect(lost).rejects.toThrow('There is no exchange no.such.');
    await expect(lost).rejects.not.toBeInstanceOf(BrokerUnavailableError);
    expect(() => record(broker, undefined, { queue: 'no.such' })).toThrow('There is no queue no.such.');
    expect(await broker.publish(orderPlaced())).toBe('routed');
  });

  it('publish rejects after close', async () => {
    await broker.close();
    await expect(broker.publish(orderPlaced())).rejects.toBeInstanceOf(BrokerUnavailableError);
  });
});
