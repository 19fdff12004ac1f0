import { describeMessage, readEnvelope } from '../../../src/consumers/envelope';
import { unreadableHeaders } from '../../../src/rabbitmq/broker';
import {
  envelope,
  message,
  order,
  placed,
  read,
  refused,
  structured,
  userId,
} from '../../testkit/inbound-messages';

describe('the format, the exchange and the source of a message', () => {
  it.each([
    'ce-traceparent',
    'ce-tracestate',
    'ce_traceparent',
    'cloudEvents_traceparent',
    'cloudEvents:tracestate',
    'CE-Traceparent',
    'ce-subject',
    'ce-dataschema',
    'ce-sequence',
    'ce-time',
    'ce-id',
    'ce-source',
    'ce-type',
    'ce-specversion',
    'cell',
  ])('reads bare JSON with the single header %s', (name) => {
    const bare = message(order, { messageId: 'm-1', type: 'OrderPlaced', headers: { [name]: 'x' } });
    expect(read(bare)).toEqual({ ...placed, source: 'order.events', eventId: 'm-1' });
  });

  it('reads bare JSON from the default exchange with the exchange of its type as its source', () => {
    const bare = message(order, { messageId: 'm-1', type: 'OrderPlaced' });
    expect(read({ ...bare, exchange: '' })).toEqual({ ...placed, source: 'order.events', eventId: 'm-1' });
  });

  const points1 = { userId, points: 1, earnedAt: '2026-03-01T10:00:00Z' };
  const payment1 = { paymentId: 'p-1', orderId: 'o-1', timestamp: '2026-03-01T10:00:00Z' };
  it.each([
    ['OrderPlaced', 'loyalty.events', order],
    ['OrderPlaced', 'payment.events', order],
    ['OrderPlaced', 'user.events', order],
    ['OrderPlaced', 'amq.topic', order],
    ['OrderPlaced', 'ORDER.EVENTS', order],
    ['OrderPlaced', 'order.events.', order],
    ['PaymentFailed', 'order.events', payment1],
    ['PaymentFailed', 'loyalty.events', payment1],
    ['LoyaltyPointsEarned', 'order.events', points1],
    ['LoyaltyPointsEarned', 'payment.events', points1],
  ])('rejects %s through %s in each format', (type, exchange, data) => {
    const headers = Object.fromEntries(
      Object.entries({ ...envelope, type }).map(([name, value]) => [`ce-${name}`, value]),
    );
    const forms = [
      structured(data, { type }),
      message(data, { headers }),
      message(data, { messageId: 'm', type }),
    ];
    expect(forms.map((it) => refused({ ...it, exchange }))).toEqual(forms.map(() => 'WRONG_EXCHANGE'));
    expect(forms.map((it) => refused({ ...it, exchange: '' }))).toEqual(forms.map(() => 'READ'));
  });

  it.each(['/user-service/', '/user-service/users/01975a5e-1111-7000-8000-0000000000ad'])(
    'rejects an event from the source %s',
    (source) => {
      expect(refused(structured(order, { source }))).toBe('OWN_SOURCE');
    },
  );

  it.each(['/user-services/1', 'user-service/x', '/orders/user-service/', 'https://a.example/user-service/'])(
    'reads an event from the source %s',
    (source) => {
      expect(read(structured(order, { source }))).toEqual({ ...placed, source });
    },
  );
});

describe('the trace context of a message', () => {
  const own = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const other = '00-11111111111111111111111111111111-2222222222222222-01';
  const attributes = (more: object) =>
    Object.fromEntries(Object.entries({ ...envelope, ...more }).map(([name, it]) => [`ce-${name}`, it]));
  const bare = { messageId: 'm-1', type: 'OrderPlaced' };
  it.each([
    ['a member of a structured CloudEvent', structured(order, { traceparent: own })],
    [
      'a member together with base64 data',
      message({ ...envelope, traceparent: own, data_base64: Buffer.from('{}').toString('base64') }),
    ],
    ['an attribute of a binary CloudEvent', message(order, { headers: attributes({ traceparent: own }) })],
    [
      'an attribute rather than the header',
      message(order, { headers: { ...attributes({ traceparent: own }), traceparent: other } }),
    ],
    [
      'the header of a binary CloudEvent',
      message(order, { headers: { ...attributes({}), traceparent: own } }),
    ],
    ['the header of bare JSON', message(order, { ...bare, headers: { traceparent: own } })],
  ])('is read from %s', (_what, it) => {
    expect(readEnvelope(it, () => undefined).traceparent).toBe(own);
  });

  it.each([undefined, 'x', 5])('is left out if it is %p', (traceparent) => {
    const headers = traceparent === undefined ? {} : { traceparent };
    expect(readEnvelope(message(order, { ...bare, headers }), () => undefined).traceparent).toBeUndefined();
  });
});

describe('readMessage', () => {
  it('reads a content type with a space before its parameters', () => {
    const contentType = 'application/cloudevents+json ; charset=utf-8';
    expect(read(message({ ...envelope, data: order }, { contentType }))).toEqual(placed);
  });

  it('rejects headers that are nested too deeply', () => {
    const headers = { [unreadableHeaders]: true };
    expect(refused(message(order, { messageId: 'm-1', type: 'OrderPlaced', headers }))).toBe(
      'INVALID_HEADERS',
    );
  });

  it('reads bare JSON that has a specversion and no data as bare JSON', () => {
    const bare = message({ ...order, specversion: '7' }, { messageId: 'm-1', type: 'OrderPlaced' });
    expect(read(bare)).toEqual({ ...placed, source: 'order.events', eventId: 'm-1' });
  });

  it.each([
    ['an empty id', { 'ce-id': '' }, 'INVALID_ENVELOPE'],
    ['an id of 1,001 bytes', { 'ce-id': `${'é'.repeat(500)}x` }, 'INVALID_ENVELOPE'],
    ['an id of 1,000 bytes', { 'ce-id': 'é'.repeat(500) }, 'READ'],
    ['a NUL in the id', { 'ce-id': 'a\0' }, 'INVALID_TEXT'],
  ])('judges %s in a header', (_what, changed, expected) => {
    const headers = { 'ce-source': '/orders', 'ce-type': 'OrderPlaced', ...changed };
    expect(refused(message(order, { headers }))).toBe(expected);
  });

  it('rejects null as a message', () => {
    expect(refused(message('null', { messageId: 'm-1', type: 'OrderPlaced' }))).toBe('INVALID_ENVELOPE');
  });

  it('reads a text that only resembles an escaped NUL', () => {
    expect(read(structured({ ...order, orderId: '\\u0000' }))).toEqual({ ...placed, orderId: '\\u0000' });
  });
});

describe('describeMessage', () => {
  it('returns the attributes in the headers, then those in the properties', () => {
    const properties = { messageId: 'm-1', type: 'OrderPlaced' };
    expect(describeMessage(message(order, properties))).toEqual({ type: 'OrderPlaced', id: 'm-1' });
    const headers = { 'ce-id': 'e-1', 'ce-source': '/orders', 'ce-type': 'OrderCancelled' };
    expect(describeMessage(message(order, { ...properties, headers }))).toEqual({
      type: 'OrderCancelled',
      source: '/orders',
      id: 'e-1',
    });
  });

  it('leaves out attributes that are no text', () => {
    expect(describeMessage(message(order, { headers: { 'ce-id': 5, 'ce-source': null } }))).toEqual({});
  });
});
