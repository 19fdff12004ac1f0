import { type CommerceEvent, identityOf, toCloudEvent } from '../../../src/commerce/commerce-event';
import { readMessage } from '../../../src/consumers/read-message';

describe('identityOf', () => {
  it('returns another identity for another source or id, also if both together are the same text', () => {
    const identities = [
      ['/orders', '17'],
      ['/orders1', '7'],
      ['/order', 's17'],
      ['/orders', '7'],
      ['/1', '7:/17'],
      ['/17:/1', '7'],
    ].map(([source, eventId]) => identityOf({ source: source as string, eventId: eventId as string }));
    expect(new Set(identities).size).toBe(identities.length);
  });
});

describe('toCloudEvent', () => {
  const identity = { source: '/shop', eventId: 'e-1', occurredAt: new Date('2026-03-01T10:00:00.123Z') };
  const userId = '01975a5e-1111-7000-8000-0000000000ad';
  const amount = { amount: '12.5', currency: 'EUR' };
  const events: CommerceEvent[] = [
    { ...identity, type: 'OrderPlaced', orderId: 'o-1', userId, total: amount, itemCount: 3 },
    { ...identity, type: 'OrderPlaced', orderId: 'o-1', userId, total: amount, itemCount: null },
    { ...identity, type: 'OrderCancelled', orderId: 'o-1', reason: 'too late' },
    {
      ...identity,
      type: 'PaymentFailed',
      paymentId: 'p-1',
      orderId: 'o-1',
      errorCode: 'DECLINED',
      errorMessage: 'no funds',
      amount,
    },
    { ...identity, type: 'LoyaltyPointsEarned', userId, points: 7, orderId: 'o-1', reason: 'a purchase' },
  ];

  it.each(events)('returns a message that is read as the same event: $type', (event) => {
    const { contentType, ...message } = toCloudEvent(event);
    expect(readMessage({ ...message, properties: { contentType, headers: {} } }, 1)).toEqual({ event });
  });
});
