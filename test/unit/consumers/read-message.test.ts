import { readMessage } from '../../../src/consumers/read-message';
import type { IncomingMessage } from '../../../src/rabbitmq/broker';
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

describe('readMessage', () => {
  it.each([
    ['structured', structured(order)],
    [
      'structured with parameters in its content type',
      message({ ...envelope, data: order }, { contentType: 'Application/CloudEvents+JSON; charset=utf-8' }),
    ],
    ['structured without its content type', message({ ...envelope, data: order })],
    [
      'structured with base64 data',
      message(
        { ...envelope, data_base64: Buffer.from(JSON.stringify(order)).toString('base64') },
        { contentType: 'application/cloudevents+json' },
      ),
    ],
    [
      'structured with base64 data and the content type of JSON',
      message(
        { ...envelope, data_base64: Buffer.from(JSON.stringify(order)).toString('base64') },
        { contentType: 'application/json' },
      ),
    ],
    [
      'structured with base64 data and no content type',
      message({ ...envelope, data_base64: Buffer.from(JSON.stringify(order)).toString('base64') }),
    ],
    [
      'structured with the content type of JSON and a tracing header',
      message(
        { ...envelope, data: order },
        {
          contentType: 'application/json',
          headers: { 'ce-traceparent': '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
        },
      ),
    ],
    ...['cloudEvents_', 'cloudEvents:', 'ce-', 'CE-'].map((prefix): [string, IncomingMessage] => [
      `binary with ${prefix} headers`,
      message(order, {
        contentType: 'application/json',
        messageId: 'another',
        headers: Object.fromEntries(
          Object.entries(envelope).map(([name, value]) => [`${prefix}${name}`, value]),
        ),
      }),
    ]),
  ])('reads a CloudEvent that is %s', (_form, it) => {
    expect(read(it)).toEqual(placed);
  });

  it('reads bare JSON with the exchange as its source', () => {
    const bare = message(order, { messageId: 'm-1', type: 'OrderPlaced' });
    expect(read(bare)).toEqual({ ...placed, source: 'order.events', eventId: 'm-1' });
  });

  it.each([
    ['customerId', { ...order, userId: undefined, customerId: userId.toUpperCase() }],
    ['totalAmount and currency', { ...order, total: undefined, totalAmount: 9.9, currency: 'EUR' }],
    ['createdAt', { ...order, placedAt: undefined, createdAt: '2026-03-01T12:00:00+02:00' }],
    ['unknown members', { ...order, channel: { name: 'app' }, note: null }],
  ])('reads an order with %s', (_what, data) => {
    expect(read(structured(data))).toEqual(placed);
  });

  it('reads the time from the data, else from the envelope', () => {
    const { placedAt: _at, ...timeless } = order;
    const at = (it: IncomingMessage) => read(it).occurredAt.toISOString();
    const time = '2026-04-01T00:00:00.123456Z';
    expect(at(structured(order, { time }))).toBe('2026-03-01T10:00:00.000Z');
    expect(at(structured(timeless, { time }))).toBe('2026-04-01T00:00:00.123Z');
    const bare = { messageId: 'm', type: 'OrderPlaced', timestamp: new Date('2026-05-01T00:00:00Z') };
    expect(at(message(timeless, bare))).toBe('2026-05-01T00:00:00.000Z');
    const headers = {
      ...Object.fromEntries(Object.entries(envelope).map(([name, value]) => [`ce-${name}`, value])),
      'ce-time': { '!': 'timestamp', value: 1_780_000_000 },
    };
    expect(at(message(timeless, { headers }))).toBe(new Date(1_780_000_000_000).toISOString());
  });

  it('reads a failed payment without optional members, and truncates long text', () => {
    const payment = { paymentId: 'p-1', orderId: 'o-1', timestamp: '2026-03-01T10:00:00Z' };
    expect(read(structured(payment, { type: 'PaymentFailed' }))).toMatchObject({
      type: 'PaymentFailed',
      paymentId: 'p-1',
      orderId: 'o-1',
      errorCode: null,
      errorMessage: null,
      amount: null,
    });
    const long = { ...payment, errorMessage: '🙂'.repeat(5000), amount: { value: 0, currency: 'JPY' } };
    const event = read(structured(long, { type: 'PaymentFailed' }));
    expect(event).toMatchObject({
      errorMessage: `${'🙂'.repeat(999)}…`,
      amount: { amount: '0', currency: 'JPY' },
    });
  });

  it.each([
    [0, '0'],
    [-0, '0'],
    ['0', '0'],
    [0.1, '0.1'],
    [12.3456, '12.3456'],
    ['0010.50', '10.5'],
    [99_999_999_999.9999, '99999999999.9999'],
    ['999999999999999.9999', '999999999999999.9999'],
    ['0000000000000000000000000999.5', '999.5'],
    [1e10, '10000000000'],
  ])('reads the amount %p exactly', (value, amount) => {
    expect(read(structured({ ...order, total: { value, currency: 'EUR' } }))).toMatchObject({
      total: { amount },
    });
  });

  it.each([
    -1,
    '-1',
    100_000_000_000.0001,
    1e15,
    0.12345,
    1e-7,
    '1e3',
    '1,5',
    '',
    ' 1',
    '.5',
    '5.',
    '0.12345',
    '1000000000000000',
    '1000000000000000.0001',
    '9'.repeat(25),
    '0'.repeat(1_000),
    null,
    true,
    [1],
    {},
  ])('rejects the amount %p', (value) => {
    expect(refused(structured({ ...order, total: { value, currency: 'EUR' } }))).toBe('INVALID_AMOUNT');
  });

  const nul = '\\u0000';
  it.each([
    ['INVALID_JSON', 'bad JSON', message('{"orderId": ', { messageId: 'm', type: 'OrderPlaced' })],
    [
      'INVALID_JSON',
      'a raw NUL byte',
      message(`{"orderId": "a\u0000"}`, { messageId: 'm', type: 'OrderPlaced' }),
    ],
    ['INVALID_JSON', 'an empty body', message('', { messageId: 'm', type: 'OrderPlaced' })],
    ['INVALID_ENCODING', 'bytes that are not UTF-8', message(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['TOO_LARGE', '1 MB', message('x'.repeat(1_000_000))],
    [
      'INVALID_TEXT',
      'an escaped NUL',
      message(`{"orderId": "a${nul}"}`, { messageId: 'm', type: 'OrderPlaced' }),
    ],
    [
      'INVALID_TEXT',
      'an unpaired surrogate',
      message('{"orderId": "\\ud800"}', { messageId: 'm', type: 'OrderPlaced' }),
    ],
    [
      'INVALID_TEXT',
      'an unpaired surrogate in capital digits',
      message('{"orderId": "\\uD800"}', { messageId: 'm', type: 'OrderPlaced' }),
    ],
    ['INVALID_TEXT', 'a NUL in its identity', structured(order, { id: 'a\u0000' })],
    [
      'INVALID_ENVELOPE',
      'a binary CloudEvent without a source',
      message(order, { headers: { 'ce-id': 'e', 'ce-type': 'OrderPlaced' } }),
    ],
    ['INVALID_ENVELOPE', 'an array', message('[]', { messageId: 'm', type: 'OrderPlaced' })],
    ['INVALID_ENVELOPE', 'bare JSON without message_id', message(order, { type: 'OrderPlaced' })],
    ['INVALID_ENVELOPE', 'bare JSON without type', message(order, { messageId: 'm' })],
    ['INVALID_ENVELOPE', 'a CloudEvent without source', structured(order, { source: undefined })],
    ['INVALID_ENVELOPE', 'an id longer than an index holds', structured(order, { id: 'x'.repeat(1_001) })],
    ['INVALID_ENVELOPE', 'another specversion', structured(order, { specversion: '2.0' })],
    ['UNSUPPORTED_FORMAT', 'a batch', message('[]', { contentType: 'application/cloudevents-batch+json' })],
    ['UNKNOWN_TYPE', 'an unknown type', structured(order, { type: 'OrderPainted' })],
    [
      'UNKNOWN_TYPE',
      'a type named like a property of every object',
      structured(order, { type: 'constructor' }),
    ],
    ['INVALID_DATA', 'no data', structured(undefined)],
    ['INVALID_DATA', 'data that is text', structured('hello')],
    ['INVALID_DATA', 'an orderId that is a number', structured({ ...order, orderId: 5 })],
    ['INVALID_DATA', 'an orderId of 256 characters', structured({ ...order, orderId: 'x'.repeat(256) })],
    ['INVALID_DATA', 'a total that is a number', structured({ ...order, total: 5 })],
    ['INVALID_USER_ID', 'no user', structured({ ...order, userId: undefined })],
    ['INVALID_USER_ID', 'a malformed user', structured({ ...order, userId: 'ada' })],
    [
      'UNKNOWN_CURRENCY',
      'a currency that does not exist',
      structured({ ...order, total: { value: 1, currency: 'EUX' } }),
    ],
    [
      'UNKNOWN_CURRENCY',
      'a currency in lower case',
      structured({ ...order, total: { value: 1, currency: 'eur' } }),
    ],
    ['INVALID_TIME', 'a time that is not a time', structured({ ...order, placedAt: 'yesterday' })],
    ['INVALID_TIME', 'a time without an offset', structured({ ...order, placedAt: '2026-03-01T10:00:00' })],
    ['INVALID_TIME', 'the year 0', structured({ ...order, placedAt: '0000-03-01T10:00:00Z' })],
    ['INVALID_TIME', 'no time anywhere', structured({ ...order, placedAt: undefined })],
    ['INVALID_POINTS', 'half a point', structured({ userId, points: 0.5 }, { type: 'LoyaltyPointsEarned' })],
    ['INVALID_POINTS', 'no points', structured({ userId, points: 0 }, { type: 'LoyaltyPointsEarned' })],
    [
      'INVALID_POINTS',
      'points as text',
      structured({ userId, points: '5' }, { type: 'LoyaltyPointsEarned' }),
    ],
  ])('rejects as %s: %s', (reason, _what, it) => {
    expect(refused(it)).toBe(reason);
  });

  it('returns what could be read of a rejected message, and no value of its data', () => {
    const result = readMessage(structured({ ...order, placedAt: 'ada@example.com' }), 3);
    expect(result).toEqual({
      park: expect.objectContaining({
        reason: 'INVALID_TIME',
        detail: 'placedAt is missing or invalid',
        type: 'OrderPlaced',
        source: '/orders',
        eventId: 'e-1',
        userId,
        attempts: 3,
      }),
    });
  });

  it.each([
    ['userId', { userId: userId.toUpperCase() }, userId],
    ['customerId', { customerId: userId.toUpperCase() }, userId],
    ['an id that is no user id', { userId: 'u-1', customerId: userId }, undefined],
  ])('returns the user of a rejected message from %s', (_what, named, expected) => {
    const { userId: _own, ...rest } = order;
    const it = structured({ ...rest, ...named, placedAt: 'soon' });
    expect(readMessage(it, 1)).toMatchObject({ park: expect.objectContaining({ userId: expected }) });
  });

  it('rejects a message that is nested too deeply to parse', () => {
    const deep = `{"a":${'['.repeat(120_000)}${']'.repeat(120_000)}}`;
    expect(['INVALID_JSON', 'INVALID_USER_ID', 'INVALID_DATA']).toContain(
      refused(message(deep, { messageId: 'm', type: 'OrderPlaced' })),
    );
  });
});
