import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { fromUnits, toUnits } from '../../../src/commerce/amount';
import { commerceEntryTypes, toEntry, toFact } from '../../../src/commerce/commerce-entry';
import { type CommerceEvent, identityOf } from '../../../src/commerce/commerce-event';
import {
  type CommerceFact,
  type CommerceSummary,
  initial,
  OrderAwareFold,
  summarize,
} from '../../../src/commerce/user-history.projection';

const [january, february] = [new Date('2026-01-01'), new Date('2026-02-01')];

const order = (occurredAt: Date, amount: string, currency = 'EUR', orderId = 'o-1'): CommerceFact => ({
  type: 'OrderPlaced',
  occurredAt,
  orderId,
  total: { amount, currency },
});
const failedPayment = (occurredAt: Date): CommerceFact => ({ type: 'PaymentFailed', occurredAt });
const cancellation = (occurredAt: Date, orderId = 'o-1'): CommerceFact => ({
  type: 'OrderCancelled',
  occurredAt,
  orderId,
});
const points = (occurredAt: Date, count: number): CommerceFact => ({
  type: 'LoyaltyPointsEarned',
  occurredAt,
  points: count,
});

/** Evolves the summary of these facts by one more fact, and returns the fields that it changes. */
function given(...facts: CommerceFact[]) {
  const before = summarize(facts);
  return {
    when(fact: CommerceFact): Partial<CommerceSummary> {
      const changes = Object.entries(summarize([...facts, fact])).filter(
        ([field, value]) => !isDeepStrictEqual(value, before[field as keyof CommerceSummary]),
      );
      return Object.fromEntries(changes);
    },
  };
}

describe('summarize', () => {
  it('counts the first order', () => {
    expect(given().when(order(january, '5'))).toEqual({
      orderCount: 1,
      lastOrderAt: january,
      spent: { EUR: '5' },
      spentOrders: { EUR: 1 },
      lastEntryAt: january,
    });
  });

  it('adds an order to the total of its currency', () => {
    expect(given(order(january, '5'), order(january, '1', 'USD')).when(order(february, '2.5'))).toEqual({
      orderCount: 3,
      lastOrderAt: february,
      spent: { EUR: '7.5', USD: '1' },
      spentOrders: { EUR: 2, USD: 1 },
      lastEntryAt: february,
    });
  });

  it('keeps the latest times when an earlier order arrives late', () => {
    expect(given(order(february, '5')).when(order(january, '5'))).toEqual({
      orderCount: 2,
      spent: { EUR: '10' },
      spentOrders: { EUR: 2 },
    });
  });

  it('keeps times before 1970', () => {
    const early = new Date('1969-07-20');
    expect(given().when(failedPayment(early))).toEqual({
      failedPaymentCount: 1,
      lastPaymentFailedAt: early,
      lastEntryAt: early,
    });
  });

  it('leaves a cancelled order out of what was spent and counts it as placed', () => {
    const placed = [order(january, '5'), order(january, '1.5', 'EUR', 'o-2'), order(january, '2', 'USD')];
    expect(given(...placed).when(cancellation(february))).toEqual({
      cancelledOrderCount: 1,
      spent: { EUR: '1.5' },
      spentOrders: { EUR: 1 },
      lastEntryAt: february,
    });
    expect(given(cancellation(january)).when(order(february, '5'))).toEqual({
      orderCount: 1,
      lastOrderAt: february,
      lastEntryAt: february,
    });
  });

  it('keeps a currency whose remaining orders cost nothing', () => {
    expect(given(order(january, '5'), order(january, '0', 'EUR', 'o-2')).when(cancellation(january))).toEqual(
      {
        cancelledOrderCount: 1,
        spent: { EUR: '0' },
        spentOrders: { EUR: 1 },
      },
    );
  });

  it('counts an order that is cancelled twice once', () => {
    expect(given(order(january, '5'), cancellation(january)).when(cancellation(february))).toEqual({});
  });

  it('counts a failed payment without changing what was spent', () => {
    expect(given(order(january, '5')).when(failedPayment(february))).toEqual({
      failedPaymentCount: 1,
      lastPaymentFailedAt: february,
      lastEntryAt: february,
    });
  });

  it('keeps the latest failure when an earlier one arrives late', () => {
    expect(given(failedPayment(february)).when(failedPayment(january))).toEqual({ failedPaymentCount: 2 });
  });

  it('sums loyalty points beyond the safe integers', () => {
    expect(given(points(january, Number.MAX_SAFE_INTEGER)).when(points(february, 7))).toEqual({
      loyaltyPoints: BigInt(Number.MAX_SAFE_INTEGER) + 7n,
      lastEntryAt: february,
    });
  });

  it('sums amounts exactly where floating-point numbers are not exact', () => {
    expect(given(order(january, '0.1')).when(order(january, '0.2'))).toEqual({
      orderCount: 2,
      spent: { EUR: '0.3' },
      spentOrders: { EUR: 2 },
    });
    expect(given(order(january, '0.3')).when(order(january, '100000000000.0001'))).toEqual({
      orderCount: 2,
      spent: { EUR: '100000000000.3001' },
      spentOrders: { EUR: 2 },
    });
  });
});

it('OrderAwareFold.isCancelled returns true only for an order with a cancellation', () => {
  const fold = new OrderAwareFold(new Map([['o-2', { totals: [], isCancelled: true }]]));
  fold.add(initial, order(january, '5', 'EUR', 'o-1'));
  fold.add(initial, cancellation(february, 'o-3'));
  expect(['o-1', 'o-2', 'o-3', 'o-4'].map((id) => fold.isCancelled(id))).toEqual([false, true, true, false]);
});

const userId = '01975a5e-1111-7000-8000-0000000000ad';
const occurredAt = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') });
const money = fc.record({
  amount: fc.bigInt(0n, 10n ** 15n).map(fromUnits),
  currency: fc.constantFrom('EUR', 'JPY', 'USD'),
});
const eventId = fc.uuid();
const anyOrderId = fc.constantFrom('o-1', 'o-2', 'o-3');
const event: fc.Arbitrary<CommerceEvent> = fc.oneof(
  fc.record({
    type: fc.constant('OrderPlaced' as const),
    source: fc.constant('/orders'),
    eventId,
    occurredAt,
    orderId: anyOrderId,
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
    type: fc.constant('OrderCancelled' as const),
    source: fc.constant('/orders'),
    eventId,
    occurredAt,
    orderId: anyOrderId,
    reason: fc.option(fc.string()),
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

/** Folds deliveries in the given order, each identity once. */
function fold(deliveries: readonly CommerceEvent[]): CommerceSummary {
  const first = new Map(deliveries.toReversed().map((it) => [identityOf(it), it]));
  // Which of an order's cancellations counts, and so the time of the last entry, depends on the order of arrival.
  return { ...summarize([...first.values()].toReversed()), lastEntryAt: null };
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

describe('summarize, for any events', () => {
  it('returns the same summary for every order and number of deliveries', () => {
    fc.assert(
      fc.property(schedule, ({ events, deliveries }) => {
        expect(fold(deliveries)).toEqual(fold(events));
      }),
      { numRuns: 1_000 },
    );
  });

  it('equals the sum of what batches add', () => {
    fc.assert(
      fc.property(schedule, fc.nat(12), ({ events }, size) => {
        const fold = new OrderAwareFold();
        const add = (batch: CommerceEvent[]) =>
          batch.reduce<CommerceSummary>((it, event) => fold.add(it, event), initial);
        const [one, other] = [add(events.slice(0, size)), add(events.slice(size))];
        const whole = summarize(events);
        expect(one.cancelledOrderCount + other.cancelledOrderCount).toBe(whole.cancelledOrderCount);
        for (const currency of ['EUR', 'JPY', 'USD']) {
          const units = [one, other].map(({ spent }) => toUnits(spent[currency] ?? '0'));
          expect(units.reduce((sum, it) => sum + it)).toBe(toUnits(whole.spent[currency] ?? '0'));
        }
      }),
    );
  });

  it('returns the same summary for an event and for its history entry', () => {
    fc.assert(
      fc.property(event, (it) => {
        const entry = JSON.parse(JSON.stringify(toEntry(it)));
        expect(commerceEntryTypes).toContain(entry.type);
        const fact = toFact({ ...entry, occurredAt: it.occurredAt });
        expect(summarize([fact])).toEqual(summarize([it]));
      }),
    );
  });
});
