import { toDelivery } from '../../../src/rabbitmq/delivery';

/** A message of RabbitMQ to the queue `p.queue`. */
function deliver(
  { headers = {}, ...properties }: Record<string, unknown> = {},
  fields: Record<string, unknown> = {},
) {
  const message = {
    content: Buffer.from('{}'),
    fields: { exchange: 'p.order.events', routingKey: 'order.placed', redelivered: false, ...fields },
    properties: { headers, ...properties },
  };
  return toDelivery(message as never, { queue: 'queue', prefix: 'p.' });
}
const death = (exchange: string, ...keys: string[]) => ({ queue: 'q', exchange, 'routing-keys': keys });

describe('toDelivery', () => {
  it('returns exchange and routing key without the prefix, and only where they begin with it', () => {
    expect(deliver()).toMatchObject({ exchange: 'order.events', routingKey: 'order.placed' });
    expect(deliver({}, { exchange: 'other.p.events', routingKey: 'p.queue' })).toMatchObject({
      exchange: 'other.p.events',
      routingKey: 'queue',
    });
  });

  it('returns where a dead letter was published first, by the oldest entry of x-death', () => {
    const headers = { 'x-death': [death('', 'p.queue'), death('p.payment.events', 'payment.failed', 'cc')] };
    expect(deliver({ headers }, { exchange: '', routingKey: 'p.parked' })).toMatchObject({
      exchange: 'payment.events',
      routingKey: 'payment.failed',
    });
  });

  it('ignores x-death of a message from an exchange of producers, and what is no entry', () => {
    const headers = { 'x-death': [death('p.payment.events', 'payment.failed')] };
    expect(deliver({ headers })).toMatchObject({ exchange: 'order.events', routingKey: 'order.placed' });
    for (const deaths of ['x', [], ['x'], [null], [{ exchange: 7, 'routing-keys': 'x' }]])
      expect(
        deliver({ headers: { 'x-death': deaths } }, { exchange: '', routingKey: 'p.parked' }),
      ).toMatchObject({ exchange: '', routingKey: 'parked' });
  });

  it.each([
    [{}, 0],
    [{ 'x-delivery-count': 2 }, 2],
    [{ 'x-acquired-count': 3 }, 3],
    [{ 'x-delivery-count': 1, 'x-acquired-count': 4 }, 4],
    [{ 'x-delivery-count': 5, 'x-acquired-count': 4 }, 5],
    [{ 'x-delivery-count': '9', 'x-acquired-count': 1.5 }, 0],
  ])('counts the earlier deliveries of %j as %d', (headers, count) => {
    expect(deliver({ headers }).deliveryCount).toBe(count);
  });

  it('returns the AMQP timestamp in milliseconds, and properties that are texts and not empty', () => {
    expect(
      deliver({ timestamp: 1_780_000_000, messageId: 'm', type: '', contentType: 7 }).properties,
    ).toEqual({
      messageId: 'm',
      type: undefined,
      contentType: undefined,
      timestamp: new Date('2026-05-28T20:26:40Z'),
      headers: {},
    });
    expect(deliver({ timestamp: 'soon' }).properties.timestamp).toBeUndefined();
  });
});
