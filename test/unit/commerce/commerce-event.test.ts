import { identityOf } from '../../../src/commerce/commerce-event';

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
