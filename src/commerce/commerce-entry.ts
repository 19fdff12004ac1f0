import type { HistoryEntry } from '../history/history-entry.entity';
import type { CommerceEvent, Money } from './commerce-event';
import type { CommerceFact } from './user-history.projection';

/** The types of history entries that are made from events of other services. */
export const commerceEntryTypes = [
  'ORDER_PLACED',
  'ORDER_CANCELLED',
  'PAYMENT_FAILED',
  'LOYALTY_POINTS_EARNED',
] as const;

/** Returns the history entry of an event. Its summary holds no personal data; the user may read its data. */
export function toEntry(event: CommerceEvent): Pick<HistoryEntry, 'type' | 'summary' | 'data'> {
  switch (event.type) {
    case 'OrderPlaced': {
      const { orderId, total, itemCount } = event;
      const items = itemCount === null ? '' : `, ${counted(itemCount, 'item')}`;
      return {
        type: 'ORDER_PLACED',
        summary: `An order was placed: ${total.amount} ${total.currency}${items}.`,
        data: { orderId, total, itemCount },
      };
    }
    case 'OrderCancelled': {
      const { orderId, reason } = event;
      return {
        type: 'ORDER_CANCELLED',
        summary: 'An order was cancelled.',
        data: { orderId, reason },
      };
    }
    case 'PaymentFailed': {
      const { paymentId, orderId, errorCode, errorMessage, amount } = event;
      const sum = amount === null ? '' : ` of ${amount.amount} ${amount.currency}`;
      return {
        type: 'PAYMENT_FAILED',
        summary: `A payment${sum} failed${errorCode === null ? '' : `: ${errorCode}`}.`,
        data: { paymentId, orderId, errorCode, errorMessage, amount },
      };
    }
    case 'LoyaltyPointsEarned': {
      const { points, orderId, reason } = event;
      return {
        type: 'LOYALTY_POINTS_EARNED',
        summary: `${counted(points, 'loyalty point')} ${points === 1 ? 'was' : 'were'} earned.`,
        data: { points, orderId, reason },
      };
    }
  }
}

/**
 * Returns what a history entry made by `toEntry` adds to the summary.
 *
 * @throws Error for an entry of another type
 */
export function toFact(entry: Pick<HistoryEntry, 'type' | 'occurredAt' | 'data'>): CommerceFact {
  const { type, occurredAt, data } = entry;
  const orderId = data.orderId as string;
  switch (type) {
    case 'ORDER_PLACED':
      return { type: 'OrderPlaced', occurredAt, orderId, total: data.total as Money };
    case 'ORDER_CANCELLED':
      return { type: 'OrderCancelled', occurredAt, orderId };
    case 'PAYMENT_FAILED':
      return { type: 'PaymentFailed', occurredAt };
    case 'LOYALTY_POINTS_EARNED':
      return { type: 'LoyaltyPointsEarned', occurredAt, points: data.points as number };
    default:
      throw new Error(`${type} is not the type of a commerce entry`);
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
