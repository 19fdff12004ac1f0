import { fromUnits, toUnits } from './amount';
import type { Money } from './commerce-event';

/** The part of a commerce event that changes its user's summary. */
export type CommerceFact = { readonly occurredAt: Date } & (
  | { readonly type: 'OrderPlaced'; readonly total: Money }
  | { readonly type: 'PaymentFailed' }
  | { readonly type: 'LoyaltyPointsEarned'; readonly points: number }
);

/** The summary of the commerce entries in a user's history. */
export interface CommerceSummary {
  readonly orderCount: number;
  readonly lastOrderAt: Date | null;
  /** Exact decimals by currency. */
  readonly spent: Readonly<Record<string, string>>;
  readonly failedPaymentCount: number;
  readonly lastPaymentFailedAt: Date | null;
  readonly loyaltyPoints: bigint;
  /** The time of the latest entry. */
  readonly lastEntryAt: Date | null;
}

/** The summary of a user without commerce. */
export const initial: CommerceSummary = {
  orderCount: 0,
  lastOrderAt: null,
  spent: {},
  failedPaymentCount: 0,
  lastPaymentFailedAt: null,
  loyaltyPoints: 0n,
  lastEntryAt: null,
};

/** Returns the summary with one more entry. Uses only sums and maxima, so the order of entries does not matter. */
export function evolve(summary: CommerceSummary, fact: CommerceFact): CommerceSummary {
  const { occurredAt } = fact;
  const next = { ...summary, lastEntryAt: later(summary.lastEntryAt, occurredAt) };
  switch (fact.type) {
    case 'OrderPlaced': {
      const { amount, currency } = fact.total;
      const sum = toUnits(summary.spent[currency] ?? '0') + toUnits(amount);
      return {
        ...next,
        orderCount: summary.orderCount + 1,
        lastOrderAt: later(summary.lastOrderAt, occurredAt),
        spent: { ...summary.spent, [currency]: fromUnits(sum) },
      };
    }
    case 'PaymentFailed':
      return {
        ...next,
        failedPaymentCount: summary.failedPaymentCount + 1,
        lastPaymentFailedAt: later(summary.lastPaymentFailedAt, occurredAt),
      };
    case 'LoyaltyPointsEarned':
      return { ...next, loyaltyPoints: summary.loyaltyPoints + BigInt(fact.points) };
  }
}

function later(one: Date | null, other: Date): Date {
  return one === null || other > one ? other : one;
}
