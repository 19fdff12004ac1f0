import { fromUnits, toUnits } from './amount';
import type { Money } from './commerce-event';

/** The part of a commerce event that changes its user's summary. */
export type CommerceFact = { readonly occurredAt: Date } & (
  | { readonly type: 'OrderPlaced'; readonly orderId: string; readonly total: Money }
  | { readonly type: 'OrderCancelled'; readonly orderId: string }
  | { readonly type: 'PaymentFailed' }
  | { readonly type: 'LoyaltyPointsEarned'; readonly points: number }
);

/** The summary of the commerce entries in a user's history. */
export interface CommerceSummary {
  readonly orderCount: number;
  readonly lastOrderAt: Date | null;
  readonly cancelledOrderCount: number;
  /** Exact decimals by currency, without cancelled orders. */
  readonly spent: Readonly<Record<string, string>>;
  /** The number of orders in `spent`, by currency. */
  readonly spentOrders: Readonly<Record<string, number>>;
  readonly failedPaymentCount: number;
  readonly lastPaymentFailedAt: Date | null;
  readonly loyaltyPoints: bigint;
  /** The time of the latest entry. */
  readonly lastEntryAt: Date | null;
}

/** The state of an order, by the events so far. */
export interface OrderState {
  /** The total of each event that placed the order. */
  readonly totals: readonly Money[];
  readonly isCancelled: boolean;
}

/** The summary of a user without commerce. */
export const initial: CommerceSummary = {
  orderCount: 0,
  lastOrderAt: null,
  cancelledOrderCount: 0,
  spent: {},
  spentOrders: {},
  failedPaymentCount: 0,
  lastPaymentFailedAt: null,
  loyaltyPoints: 0n,
  lastEntryAt: null,
};

/** An order without events so far. */
const unknownOrder: OrderState = { totals: [], isCancelled: false };

/** Returns the state of an order after a fact about it. */
export function evolveOrder(order: OrderState, fact: CommerceFact): OrderState {
  switch (fact.type) {
    case 'OrderPlaced':
      return { ...order, totals: [...order.totals, fact.total] };
    case 'OrderCancelled':
      return { ...order, isCancelled: true };
    default:
      return order;
  }
}

/**
 * Returns the summary with one more entry. Uses only sums and maxima, and removes from the sums what a cancelled order
 * has added or will add to them, so the order of entries does not matter.
 *
 * @param order the state before the fact of the order that is placed or cancelled
 */
export function evolve(
  summary: CommerceSummary,
  fact: CommerceFact,
  order: OrderState = unknownOrder,
): CommerceSummary {
  const { occurredAt } = fact;
  const next = { ...summary, lastEntryAt: later(summary.lastEntryAt, occurredAt) };
  switch (fact.type) {
    case 'OrderPlaced': {
      const placed = {
        ...next,
        orderCount: summary.orderCount + 1,
        lastOrderAt: later(summary.lastOrderAt, occurredAt),
      };
      return order.isCancelled ? placed : withSpent(placed, fact.total, 1);
    }
    case 'OrderCancelled': {
      if (order.isCancelled) return summary;
      const cancelled = { ...next, cancelledOrderCount: summary.cancelledOrderCount + 1 };
      return order.totals.reduce<CommerceSummary>((it, total) => withSpent(it, total, -1), cancelled);
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

/** Folds facts in sequence and knows the orders that they are about. */
export class OrderAwareFold {
  /** @param orders the orders that earlier facts were about; later facts update them */
  constructor(private readonly orders: Map<string, OrderState> = new Map()) {}

  isCancelled(orderId: string): boolean {
    return this.orders.get(orderId)?.isCancelled === true;
  }

  /** Returns the summary with one more entry. */
  add(summary: CommerceSummary, fact: CommerceFact): CommerceSummary {
    if (fact.type !== 'OrderPlaced' && fact.type !== 'OrderCancelled') return evolve(summary, fact);
    const order = this.orders.get(fact.orderId) ?? unknownOrder;
    this.orders.set(fact.orderId, evolveOrder(order, fact));
    return evolve(summary, fact, order);
  }
}

/** Returns the summary of a user's facts, whatever their order. A currency without orders is absent. */
export function summarize(facts: readonly CommerceFact[]): CommerceSummary {
  const fold = new OrderAwareFold();
  const summary = facts.reduce<CommerceSummary>((it, fact) => fold.add(it, fact), initial);
  const isUsed = (currency: string) => summary.spentOrders[currency] !== 0;
  return { ...summary, spent: pick(summary.spent, isUsed), spentOrders: pick(summary.spentOrders, isUsed) };
}

function withSpent(summary: CommerceSummary, { amount, currency }: Money, sign: 1 | -1): CommerceSummary {
  const sum = toUnits(summary.spent[currency] ?? '0') + BigInt(sign) * toUnits(amount);
  return {
    ...summary,
    spent: { ...summary.spent, [currency]: fromUnits(sum) },
    spentOrders: { ...summary.spentOrders, [currency]: (summary.spentOrders[currency] ?? 0) + sign },
  };
}

function pick<T>(
  record: Readonly<Record<string, T>>,
  isPicked: (name: string) => boolean,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => isPicked(name)));
}

function later(one: Date | null, other: Date): Date {
  return one === null || other > one ? other : one;
}
