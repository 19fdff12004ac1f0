import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { fromUnits } from '../../src/commerce/amount';
import { toEntry } from '../../src/commerce/commerce-entry';
import { type CommerceEvent, toCloudEvent } from '../../src/commerce/commerce-event';
import { summarize } from '../../src/commerce/user-history.projection';
import type { ForeignMessage } from './commerce-events';

/** The end of a schedule; deliveries are earlier. */
const end = 100;
const firstTimeMs = Date.parse('2026-03-01T10:00:00Z');

/** When an event happened by its producer's clock, in minutes, and the moments at which it is delivered. */
interface Timing {
  minute: number;
  deliveries: number[];
}

/** The events of one user with their deliveries, and when the user is created. Moments are from 0 to 100. */
export interface Schedule {
  orders: (Timing & { units: number; currency: string })[];
  payments: (Timing & { ofOrder: number })[];
  /** Two may cancel the same order. */
  cancellations: (Timing & { ofOrder: number })[];
  points: (Timing & { points: number })[];
  createdAt: number;
  /** By the graph of a replica under test, or by inserting rows as another replica would, which is faster. */
  createdBy: 'replica' | 'another replica';
  /** Whether the user is created after the earlier deliveries were processed. */
  processedFirst: boolean;
}

const timing = {
  minute: fc.nat(10_000),
  deliveries: fc.array(fc.nat(end - 1), { minLength: 1, maxLength: 5 }),
};
/** One event of a type, in a third of the schedules two, so that there is a sum. */
function some<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  const [one, two] = [1, 2].map((length) => fc.array(arbitrary, { minLength: 1, maxLength: length })) as [
    fc.Arbitrary<T[]>,
    fc.Arbitrary<T[]>,
  ];
  return fc.oneof({ weight: 2, arbitrary: one }, { weight: 1, arbitrary: two });
}

/** One or two orders, failed payments and awards of points, each delivered one to five times, in any order. */
export const anySchedule: fc.Arbitrary<Schedule> = fc.record({
  orders: some(fc.record({ ...timing, units: fc.nat(10 ** 9), currency: fc.constantFrom('EUR', 'USD') })),
  payments: some(fc.record({ ...timing, ofOrder: fc.nat(1) })),
  cancellations: fc.array(fc.record({ ...timing, ofOrder: fc.nat(1) }), { maxLength: 2 }),
  points: some(fc.record({ ...timing, points: fc.integer({ min: 1, max: 1_000 }) })),
  createdAt: fc.oneof(fc.constant(0), fc.constant(end), fc.nat(end)),
  createdBy: fc.oneof(
    { weight: 19, arbitrary: fc.constant('another replica' as const) },
    { weight: 1, arbitrary: fc.constant('replica' as const) },
  ),
  processedFirst: fc.boolean(),
});

/** Returns every order of these items. */
function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}

/** All 24 orders of four events, before and after the user exists; each event is delivered one to five times. */
export const systematicSchedules: Schedule[] = permutations([0, 1, 2, 3]).flatMap((order, at) =>
  [0, end].map((createdAt) => {
    const [first, second, third, fourth] = [0, 1, 2, 3].map((event) => {
      const place = order.indexOf(event);
      return { minute: event, deliveries: Array<number>(1 + ((at + 2 * place) % 5)).fill(10 * place) };
    }) as [Timing, Timing, Timing, Timing];
    return {
      orders: [{ ...first, units: 199_900, currency: 'EUR' }],
      payments: [{ ...second, ofOrder: 0 }],
      points: [{ ...third, points: 20 }],
      cancellations: [{ ...fourth, ofOrder: 0 }],
      createdAt,
      createdBy: 'replica',
      processedFirst: true,
    };
  }),
);

/** A schedule with its own ids, so that many can run concurrently. */
export interface Play {
  readonly schedule: Schedule;
  readonly userId: string;
  /** Each event once. */
  readonly events: readonly CommerceEvent[];
  readonly deliveries: readonly { moment: number; event: CommerceEvent }[];
}

/** Assigns ids of users, orders and events to a schedule. */
export function toPlay(schedule: Schedule): Play {
  const userId = uuidv7();
  const orderIds = schedule.orders.map(() => uuidv7());
  const identity = ({ minute }: Timing, kind: number) => ({
    eventId: uuidv7(),
    // All different: the order of entries with equal times is undefined.
    occurredAt: new Date(firstTimeMs + minute * 60_000 + kind * 1_000),
  });
  const all: [Timing, CommerceEvent][] = [
    ...schedule.orders.map((it, at): [Timing, CommerceEvent] => {
      const total = { amount: fromUnits(BigInt(it.units)), currency: it.currency };
      const facts = { orderId: orderIds[at] as string, userId, total, itemCount: null };
      return [it, { type: 'OrderPlaced', source: '/order.events', ...identity(it, at), ...facts }];
    }),
    ...schedule.payments.map((it, at): [Timing, CommerceEvent] => {
      const orderId = orderIds[it.ofOrder % orderIds.length] as string;
      const facts = {
        paymentId: uuidv7(),
        orderId,
        errorCode: 'CARD_DECLINED',
        errorMessage: null,
        amount: null,
      };
      return [it, { type: 'PaymentFailed', source: '/payment.events', ...identity(it, 10 + at), ...facts }];
    }),
    ...schedule.cancellations.map((it, at): [Timing, CommerceEvent] => {
      const orderId = orderIds[it.ofOrder % orderIds.length] as string;
      const facts = { orderId, reason: null };
      return [it, { type: 'OrderCancelled', source: '/order.events', ...identity(it, 30 + at), ...facts }];
    }),
    ...schedule.points.map((it, at): [Timing, CommerceEvent] => {
      const facts = { userId, points: it.points, orderId: null, reason: null };
      return [
        it,
        { type: 'LoyaltyPointsEarned', source: '/loyalty.events', ...identity(it, 20 + at), ...facts },
      ];
    }),
  ];
  const deliveries = all.flatMap(([{ deliveries: moments }, event]) =>
    moments.map((moment) => ({ moment, event })),
  );
  return { schedule, userId, events: all.map(([, event]) => event), deliveries };
}

/** The deliveries of all plays before or after the user is created, ordered by moment. */
export function messagesOf(plays: readonly Play[], when: 'before' | 'after'): ForeignMessage[] {
  return plays
    .flatMap(({ schedule: { createdAt }, deliveries }) =>
      deliveries.filter(({ moment }) => moment < createdAt === (when === 'before')),
    )
    .sort((one, other) => one.moment - other.moment)
    .map(({ event }) => toMessage(event));
}

/** The ids of the events that are delivered before the user is created. */
export function earlyEventsOf(plays: readonly Play[]): string[] {
  return [...new Set(messagesOf(plays, 'before').map(({ properties }) => String(properties.messageId)))];
}

function toMessage(event: CommerceEvent): ForeignMessage {
  const { exchange, routingKey, contentType, body } = toCloudEvent(event);
  const properties = { contentType, messageId: event.eventId, type: event.type };
  return { exchange, routingKey, body, properties };
}

/** The number of history entries of the user: one for each event, but one for all cancellations of an order. */
export function entryCountOf({ events }: Play): number {
  const cancelled = events.flatMap((it) => (it.type === 'OrderCancelled' ? [it.orderId] : []));
  return events.length - cancelled.length + new Set(cancelled).size;
}

/**
 * The final commerce and commerce history of the user by the pure model, without `late`. Of cancelled orders only the
 * ids, because any of their cancellations may be the entry.
 */
export function expectedOf({ events }: Play): Record<string, unknown> {
  const summary = summarize(events);
  const cancelled = events.flatMap((it) => (it.type === 'OrderCancelled' ? [it.orderId] : []));
  const others = events.filter(({ type }) => type !== 'OrderCancelled');
  const newestFirst = others.sort((one, other) => other.occurredAt.getTime() - one.occurredAt.getTime());
  return {
    orderCount: summary.orderCount,
    cancelledOrderCount: summary.cancelledOrderCount,
    cancelledOrders: [...new Set(cancelled)].sort(),
    lastOrderAt: summary.lastOrderAt?.toISOString() ?? null,
    spent: Object.entries(summary.spent)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([currency, amount]) => ({ amount, currency })),
    failedPaymentCount: summary.failedPaymentCount,
    lastPaymentFailedAt: summary.lastPaymentFailedAt?.toISOString() ?? null,
    loyaltyPoints: Number(summary.loyaltyPoints),
    history: newestFirst.map((event) => {
      const { type, summary: sentence, data } = toEntry(event);
      const { source, eventId, occurredAt } = event;
      return { type, occurredAt: occurredAt.toISOString(), source, eventId, summary: sentence, data };
    }),
  };
}
