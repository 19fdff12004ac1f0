import fc from 'fast-check';
import { fromUnits, toUnits } from '../../../src/commerce/amount';
import { commerceEntryTypes, toEntry, toFact } from '../../../src/commerce/commerce-entry';
import { type CommerceEvent, identityOf } from '../../../src/commerce/commerce-event';
import { type CommerceSummary, evolve, initial } from '../../../src/commerce/user-history.projection';

const schedules = 1_000;
const userId = '01975a5e-1111-7000-8000-0000000000ad';
const occurredAt = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') });
const money = fc.record({
  amount: fc.bigInt(0n, 10n ** 15n).map(fromUnits),
  currency: fc.constantFrom('EUR', 'JPY', 'USD'),
});
const eventId = fc.uuid();
const event: fc.Arbitrary<CommerceEvent> = fc.oneof(
  fc.record({
    type: fc.constant('OrderPlaced' as const),
    source: fc.constant('/orders'),
    eventId,
    occurredAt,
    orderId: fc.uuid(),
    userId: fc.constant(userId),
    total: money,
    itemCount: fc.option(fc.nat(9)),
  }),
  fc.record({
    type: fc.constant('PaymentFailed' as const),
    source: fc.constant('/payments'),
    eventId,
    occurredAt,
    paymentId: fc.uuid(),
    orderId: fc.uuid(),
    errorCode: fc.option(fc.string()),
    errorMessage: fc.option(fc.string()),
    amount: fc.option(money),
  }),
  fc.record({
    type: fc.constant('LoyaltyPointsEarned' as const),
    source: fc.constant('/loyalty'),
    eventId,
    occurredAt,
    userId: fc.constant(userId),
    points: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    orderId: fc.option(fc.uuid()),
    reason: fc.option(fc.string()),
  }),
);

/** Folds deliveries as they come, each identity once. */
function fold(deliveries: readonly CommerceEvent[]): CommerceSummary {
  const seen = new Set<string>();
  let summary = initial;
  for (const delivery of deliveries) {
    if (seen.has(identityOf(delivery))) continue;
    seen.add(identityOf(delivery));
    summary = evolve(summary, delivery);
  }
  return summary;
}

/** Events, each delivered one to five times, in any order. */
const schedule = fc
  .uniqueArray(event, { selector: identityOf, minLength: 1, maxLength: 12 })
  .chain((events) =>
    fc.record({
      events: fc.constant(events),
      deliveries: fc
        .tuple(...events.map((it) => fc.array(fc.constant(it), { minLength: 1, maxLength: 5 })))
        .chain((copies) => {
          const all = copies.flat();
          return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
        }),
    }),
  );

describe('the projection of commerce', () => {
  it('comes to the same whatever the order and number of deliveries', () => {
    fc.assert(
      fc.property(schedule, ({ events, deliveries }) => {
        expect(fold(deliveries)).toEqual(fold(events));
      }),
      { numRuns: schedules },
    );
  });

  it('is exact where floating-point numbers are not', () => {
    const orders = ['0.1', '0.2', '100000000000.0001'].map((amount, at) => ({
      type: 'OrderPlaced' as const,
      occurredAt: new Date(at),
      total: { amount, currency: 'EUR' },
    }));
    expect(orders.reduce(evolve, initial).spent).toEqual({ EUR: '100000000000.3001' });
    expect(orders.slice(0, 2).reduce(evolve, initial).spent).toEqual({ EUR: '0.3' });
  });

  it('counts each kind, and keeps the latest times', () => {
    const [first, second] = [new Date('2026-01-01'), new Date('2026-02-01')];
    const total = { amount: '5', currency: 'EUR' };
    const facts = [
      { type: 'OrderPlaced' as const, occurredAt: second, total },
      { type: 'OrderPlaced' as const, occurredAt: first, total },
      { type: 'PaymentFailed' as const, occurredAt: first },
      { type: 'LoyaltyPointsEarned' as const, occurredAt: first, points: 7 },
    ];
    expect(facts.reduce(evolve, initial)).toEqual({
      orderCount: 2,
      lastOrderAt: second,
      spent: { EUR: '10' },
      failedPaymentCount: 1,
      lastPaymentFailedAt: first,
      loyaltyPoints: 7n,
      lastEntryAt: second,
    });
  });

  it('comes to the same from what the history keeps of an event', () => {
    fc.assert(
      fc.property(event, (it) => {
        const entry = JSON.parse(JSON.stringify(toEntry(it)));
        expect(commerceEntryTypes).toContain(entry.type);
        const fact = toFact({ ...entry, occurredAt: it.occurredAt });
        expect(evolve(initial, fact)).toEqual(evolve(initial, it));
      }),
    );
  });
});

describe('amounts', () => {
  it.each([
    ['0', 0n, '0'],
    ['100', 1_000_000n, '100'],
    ['0.3000', 3_000n, '0.3'],
    ['007.5', 75_000n, '7.5'],
    ['12.3456', 123_456n, '12.3456'],
    ['0.0001', 1n, '0.0001'],
  ])('read %s as %s ten-thousandths, and write it as %s', (text, units, written) => {
    expect(toUnits(text)).toBe(units);
    expect(fromUnits(units)).toBe(written);
  });
});
