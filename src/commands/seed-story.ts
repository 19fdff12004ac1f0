import { v5 as uuidv5 } from 'uuid';
import type { CommerceFold } from '../commerce/commerce-fold';
import type { Services } from '../services';
import type { CreateUser } from '../users/user.service';
import type { Caller } from '../users/user-changes';

const firstNames = [
  'Ada',
  'Grace',
  'Alan',
  'Katherine',
  'Edsger',
  'Barbara',
  'Dennis',
  'Radia',
  'Linus',
  'Margaret',
];
const lastNames = [
  'Lovelace',
  'Hopper',
  'Turing',
  'Johnson',
  'Dijkstra',
  'Liskov',
  'Ritchie',
  'Perlman',
  'Hamilton',
];
const places = [
  { city: 'London', country: 'GB', locale: 'en-GB', timeZone: 'Europe/London' },
  { city: 'Berlin', country: 'DE', locale: 'de-DE', timeZone: 'Europe/Berlin' },
  { city: 'Nairobi', country: 'KE', locale: 'sw-KE', timeZone: 'Africa/Nairobi' },
  { city: 'Osaka', country: 'JP', locale: 'ja-JP', timeZone: 'Asia/Tokyo' },
];

/** Derives the same ids in every run, so that a repeated run skips existing users. */
const seedNamespace = '6f1f4a3c-1c5e-5d7b-9a51-3f0f2f5f7c11';

/** The first demo user is the one of the explorer's examples. */
const first = { userId: '01900000-0000-7000-8000-000000000001', email: 'ada@example.com' };

/** Returns the id of a demo user. */
export function seedUserId(index: number): string {
  return index === 0 ? first.userId : uuidv5(String(index), seedNamespace);
}

/** The service's own mutations, and the fold for other services' events. */
export type SeedServices = Services & { readonly fold: CommerceFold };

/** Returns the profile of a demo user, which is the same for an index in every run. */
export function demoUser(index: number): CreateUser {
  const firstName = pick(firstNames, index);
  const lastName = pick(lastNames, Math.floor(index / firstNames.length) + index);
  const { city, country, locale, timeZone } = pick(places, index);
  return {
    email: index === 0 ? first.email : `${firstName}.${lastName}.${index}@example.com`.toLowerCase(),
    firstName,
    lastName,
    displayName: index % 2 === 0 ? `${firstName} ${lastName.charAt(0)}.` : null,
    phoneNumber: index % 3 === 0 ? `+1415555${String(index % 10_000).padStart(4, '0')}` : null,
    address: { street: `${index + 1} Example Street`, city, country },
    locale,
    timeZone,
    externalIds: index % 4 === 1 ? [{ system: 'crm', id: `C-${10_000 + index}` }] : [],
  };
}

interface SeededUser {
  readonly caller: Caller;
  readonly userId: string;
  /** Position of the user among the demo users, which selects the activity. */
  readonly index: number;
}

/** Adds activity to some demo users: preferences, a new address, verifications, deactivation, orders, an erasure. */
export async function seedActivity(
  services: SeedServices,
  { caller, userId, index }: SeededUser,
): Promise<void> {
  const { userService, emailPreferences, emailVerification, phoneVerification } = services;
  if (index % 2 === 0) {
    await emailPreferences.update(caller, {
      userId,
      newsletter: true,
      loyalty: index % 4 === 0,
      source: 'sign-up form',
    });
  }
  if (index % 5 === 1)
    await userService.update(caller, { userId, address: { street: '1 New Street', city: 'Lisbon' } });
  if (index % 5 === 2) await emailVerification.request(caller, userId);
  if (index % 6 === 0) await phoneVerification.request(caller, { userId });
  if (index % 7 === 3)
    await userService.deactivate(caller, { userId, reason: 'INACTIVITY', notes: 'no order for two years' });
  if (index % 14 === 3) await userService.reactivate(caller, { userId });
  if (hasDemoOrder(index)) await foldOrders(services.fold, userId, index);
  if (index % 25 === 24) await services.erasures.erase(caller, { userId, reason: 'asked to be forgotten' });
}

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

/** True if the demo user placed an order. */
export const hasDemoOrder = (index: number): boolean => index % 3 === 0;

/** Returns the order that a demo user placed. */
export function demoOrder(index: number, userId: string) {
  return {
    type: 'OrderPlaced',
    source: 'order.events',
    eventId: `seed-order-${index}`,
    occurredAt: daysAgo(3),
    orderId: `order-${index}`,
    userId,
    total: { amount: `${20 + (index % 80)}.9`, currency: pick(['EUR', 'GBP', 'JPY'], index) },
    itemCount: 1 + (index % 4),
  } as const;
}

/**
 * Folds an order twice, then its points, and last an earlier payment failure, so that the demo data include a duplicate
 * and an event out of order. Cancels one order in three.
 */
async function foldOrders(fold: CommerceFold, userId: string, index: number): Promise<void> {
  const order = demoOrder(index, userId);
  const { orderId } = order;
  await fold.fold([order]);
  await fold.fold([order]);
  await fold.fold([
    {
      type: 'LoyaltyPointsEarned',
      source: 'loyalty.events',
      eventId: `seed-points-${index}`,
      occurredAt: daysAgo(1),
      userId,
      points: 20 + (index % 80),
      orderId,
      reason: 'purchase',
    },
  ]);
  await fold.fold([
    {
      type: 'PaymentFailed',
      source: 'payment.events',
      eventId: `seed-payment-${index}`,
      occurredAt: daysAgo(2),
      paymentId: `payment-${index}`,
      orderId,
      errorCode: 'CARD_DECLINED',
      errorMessage: 'The card was declined.',
      amount: null,
    },
  ]);
  if (index % 9 === 6)
    await fold.fold([
      {
        type: 'OrderCancelled',
        source: 'order.events',
        eventId: `seed-cancellation-${index}`,
        occurredAt: daysAgo(1),
        orderId,
        reason: 'changed their mind',
      },
    ]);
}

function pick<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T;
}
