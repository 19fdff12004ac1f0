import { Field, Float, Int, ObjectType } from 'type-graphql';
import type { CommerceSummary } from '../commerce/user-history.projection';
import { DateTime, Decimal } from '../subgraph/scalars';

@ObjectType('Money', { description: 'An exact amount of one currency.' })
export class MoneyType {
  @Field(() => Decimal, { description: 'How much.' })
  amount: string;

  @Field(() => String, { description: 'An ISO 4217 code, as `EUR`.' })
  currency: string;
}

@ObjectType('CommerceSummary', {
  description: 'What a user has bought and earned, as far as other services’ events have told.',
})
export class CommerceSummaryType {
  @Field(() => Int, { description: 'How many orders were placed.' })
  orderCount: number;

  @Field(() => DateTime, { nullable: true, description: 'When the last order was placed.' })
  lastOrderAt: Date | null;

  @Field(() => [MoneyType], {
    description:
      'The sum of all orders in each currency, ordered by currency; a failed payment changes nothing.',
  })
  spent: MoneyType[];

  @Field(() => Int, { description: 'How many payments failed.' })
  failedPaymentCount: number;

  @Field(() => DateTime, { nullable: true, description: 'When the last failed payment failed.' })
  lastPaymentFailedAt: Date | null;

  // No Int, whose 32 bits a long life of points may leave behind.
  @Field(() => Float, { description: 'The sum of the points earned; a whole number.' })
  loyaltyPoints: number;
}

export function toCommerceSummaryType(summary: CommerceSummary): CommerceSummaryType {
  const currencies = Object.keys(summary.spent).sort();
  return Object.assign(new CommerceSummaryType(), {
    orderCount: summary.orderCount,
    lastOrderAt: summary.lastOrderAt,
    spent: currencies.map((currency) =>
      Object.assign(new MoneyType(), { amount: summary.spent[currency] ?? '0', currency }),
    ),
    failedPaymentCount: summary.failedPaymentCount,
    lastPaymentFailedAt: summary.lastPaymentFailedAt,
    loyaltyPoints: Number(summary.loyaltyPoints),
  } satisfies CommerceSummaryType);
}
