import { demoOrder, hasDemoOrder, seedUserId } from '../src/commands/seed-story';
import type { Order } from './orders';
import type { Review } from './reviews';

/** The number of users that `seed` creates. It erases every 25th of them. */
export const demoUserCount = 50;
const erased = [24, 49] as const;

const texts: readonly (readonly [author: number, stars: number, body: string])[] = [
  [0, 5, 'The tea arrived within two days and smells wonderful.'],
  [erased[0], 5, 'The best teapot that I have owned.'],
  [3, 4, 'Sturdy, but heavier than it looks.'],
  [6, 5, 'A present for my mother, who is delighted.'],
  [erased[1], 4, 'Good value. The lid is a little loose.'],
  [0, 3, 'The colour is darker than on the picture.'],
  [1, 2, 'The cup came with a scratch and was replaced.'],
  [9, 4, 'Keeps the tea warm for an hour.'],
  [12, 5, 'I ordered it again.'],
  [erased[0], 1, 'The parcel came two weeks late.'],
  [2, 4, 'Simple and beautiful.'],
  [5, 3, 'Fine for one person.'],
];

/** Reviews by demo users, some of them erased. */
export const demoReviews: readonly Review[] = texts.map(([author, stars, body], index) => ({
  id: `review-${index + 1}`,
  stars,
  body,
  authorId: seedUserId(author),
}));

/** Returns the orders of the demo users, whose events `seed` has folded into their history. */
export function demoOrders(): Order[] {
  return Array.from({ length: demoUserCount }, (_, index) => index)
    .filter((index) => hasDemoOrder(index) && !erased.some((it) => it === index))
    .map((index): Order => {
      const { orderId: id, userId, total, occurredAt } = demoOrder(index, seedUserId(index));
      return { id, userId, total, placedAt: occurredAt.toISOString(), status: 'PLACED' };
    });
}
