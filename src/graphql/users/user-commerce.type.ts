import { Directive, Field, Float, Int, ObjectType } from 'type-graphql';
import type { CommerceSummary } from '../../commerce/user-history.projection';
import { DateTime, Decimal } from '../../subgraph/scalars';

// Other subgraphs have amounts of money, too.
@Directive('@shareable')
@ObjectType('Money', { simpleResolvers: true, description: 'An exact amount of money.' })
export class MoneyType {
  @Field(() => Decimal, { description: 'Amount in units of the currency.' })
  amount: string;

  @Field(() => String, { description: 'ISO 4217 currency code, such as `EUR`.' })
  currency: string;
}

@ObjectType('CommerceSummary', {
  simpleResolvers: true,
  description:
    'Summary of a user’s orders, payments and loyalty points, computed from the events received so far.',
})
export class CommerceSummaryType {
  @Field(() => Int, { description: 'Number of orders placed, including cancelled ones.' })
  orderCount: number;

  @Field(() => Int, { description: 'Number of placed orders that were cancelled.' })
  cancelledOrderCount: number;

  @Field(() => DateTime, { nullable: true, description: 'Time of the latest order, or null without orders.' })
  lastOrderAt: Date | null;

  @Field(() => [MoneyType], {
    description:
      'Total of all orders that were not cancelled in each currency, ordered by currency code. Failed payments are not subtracted.',
  })
  spent: MoneyType[];

  @Field(() => Int, { description: 'Number of failed payments.' })
  failedPaymentCount: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Time of the latest failed payment, or null without failed payments.',
  })
  lastPaymentFailedAt: Date | null;

  // Not Int, because the sum may exceed 32 bits.
  @Field(() => Float, { description: 'Total of loyalty points earned. Always a whole number.' })
  loyaltyPoints: number;
}

/** Returns the GraphQL type of a summary. Points above 2^53 lose precision, because GraphQL has no larger numbers. */
export function toCommerceSummaryType(summary: CommerceSummary): CommerceSummaryType {
  const currencies = Object.keys(summary.spent).sort();
  return Object.assign(new CommerceSummaryType(), {
    orderCount: summary.orderCount,
    cancelledOrderCount: summary.cancelledOrderCount,
    lastOrderAt: summary.lastOrderAt,
    spent: currencies.map((currency) =>
      Object.assign(new MoneyType(), { amount: summary.spent[currency] ?? '0', currency }),
    ),
    failedPaymentCount: summary.failedPaymentCount,
    lastPaymentFailedAt: summary.lastPaymentFailedAt,
    loyaltyPoints: Number(summary.loyaltyPoints),
  } satisfies CommerceSummaryType);
}
