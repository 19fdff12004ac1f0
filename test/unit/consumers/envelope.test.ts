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
