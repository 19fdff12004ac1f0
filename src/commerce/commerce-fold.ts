import { findErased, findErasedOrders, recordErasedEvents } from '../erased/erased-users';
import type { Database, Transaction } from '../postgres/database';
import { isInputAtFault, isRetryable } from '../postgres/failed-write';
import type { AttributedEvent, CommerceRepository } from './commerce.repository';
import { type CommerceEvent, identityOf, namesOnlyOrder } from './commerce-event';
import {
  findOrderStates,
  lockUsersOfOrders,
  recordCancelledOrders,
  recordOrders,
  withoutRepeatedCancellations,
} from './orders';
import { type CommerceSummary, initial, OrderAwareFold } from './user-history.projection';
import type { WaitingEventsRepository } from './waiting-events.repository';

/**
 * The outcome of an event. A `waiting` event is stored until its user or order is known. Of an event of an `erased`
 * user only the identity is stored.
 */
export type FoldOutcome = 'folded' | 'duplicate' | 'waiting' | 'erased';

/** An event that can never be folded, however often it is retried. */
export class UnfoldableEventError extends Error {
  override name = 'UnfoldableEventError';

  constructor(
    readonly reason: 'CANNOT_BE_FOLDED' | 'ORDER_OF_ANOTHER_USER',
    /** Contains no value of the event. */
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
  }
}

export interface CommerceFoldOptions {
  readonly database: Database;
  readonly commerce: CommerceRepository;
  readonly waiting: WaitingEventsRepository;
  readonly metrics: FoldMetrics;
  /** Called after commit with the ids of orders that became known. Must not throw. */
  readonly onOrdersKnown?: (orderIds: string[]) => void;
}

/** The metrics that the fold updates. */
export interface FoldMetrics {
  eventsFolded: { inc(labels: { type: string; result: FoldOutcome | 'parked' }): void };
  eventsFoldDelay: { observe(seconds: number): void };
  eventsLate: { inc(labels: { type: string }): void };
}

/** Runs in a transaction of the fold, with those of its events that do not wait. */
export type OnFolded = (tx: Transaction, folded: readonly CommerceEvent[]) => Promise<void>;

/** The users of a batch's events. */
interface Attribution {
  /** Undefined for unknown users and for erased ones. */
  readonly userIdOf: (event: CommerceEvent) => string | undefined;
  readonly isErased: (event: CommerceEvent) => boolean;
  /** True for an order that no earlier batch knew. */
  readonly isNewOrder: (orderId: string) => boolean;
}

const attemptsPerEvent = 3;

/** Folds other services' events into histories and summaries: each once, however often it is delivered, in any order. */
export class CommerceFold {
  constructor(private readonly options: CommerceFoldOptions) {}

  /**
   * Folds the events in one transaction. If one of them makes it fail, folds them one by one, so that only this one
   * fails. It also folds them one by one after a conflict with another transaction.
   *
   * @param onFolded runs at the end of each transaction
   * @returns the outcome of each event, or the error for one that can never be folded
   * @throws PostgreSQL's error if no event is at fault. The whole batch can be folded again.
   */
  async fold(
    events: readonly CommerceEvent[],
    onFolded: OnFolded = async () => undefined,
  ): Promise<(FoldOutcome | UnfoldableEventError)[]> {
    if (events.length === 0) return [];
    const results = await this.foldBatch(events, onFolded).catch((error: unknown) => {
      if (!isInputAtFault(error) && !isRetryable(error)) throw error;
      return this.foldOneByOne(events, onFolded);
    });
    for (const [at, event] of events.entries()) {
      const result = results[at] ?? 'parked';
      const label = result instanceof UnfoldableEventError ? 'parked' : result;
      this.options.metrics.eventsFolded.inc({ type: event.type, result: label });
      const delayMs = Math.max(0, Date.now() - event.occurredAt.getTime());
      if (label === 'folded') this.options.metrics.eventsFoldDelay.observe(delayMs / 1000);
    }
    // Includes orders of erased users: events that wait for those hold content, which is deleted before the next sweep.
    const orders = events.flatMap((it, at) =>
      it.type === 'OrderPlaced' && (results[at] === 'folded' || results[at] === 'erased') ? [it.orderId] : [],
    );
    if (orders.length > 0) this.options.onOrdersKnown?.(orders);
    return results;
  }

  /** Returns true for an event that is known already, and counts it as a duplicate. */
  async countIfDuplicate(event: CommerceEvent): Promise<boolean> {
    const known = await this.options.commerce.isKnown(event);
    if (known) this.options.metrics.eventsFolded.inc({ type: event.type, result: 'duplicate' });
    return known;
  }

  private async foldOneByOne(
    events: readonly CommerceEvent[],
    onFolded: OnFolded,
  ): Promise<(FoldOutcome | UnfoldableEventError)[]> {
    const results: (FoldOutcome | UnfoldableEventError)[] = [];
    for (const event of events) results.push(await this.foldOne(event, onFolded));
    return results;
  }

  private async foldOne(
    event: CommerceEvent,
    onFolded: OnFolded,
  ): Promise<FoldOutcome | UnfoldableEventError> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const [outcome] = await this.foldBatch([event], onFolded);
        return outcome as FoldOutcome;
      } catch (error) {
        if (error instanceof UnfoldableEventError) return error;
        if (isInputAtFault(error))
          return new UnfoldableEventError('CANNOT_BE_FOLDED', 'PostgreSQL rejected it', { cause: error });
        if (!isRetryable(error) || attempt === attemptsPerEvent) throw error;
      }
    }
  }

  private foldBatch(events: readonly CommerceEvent[], onFolded: OnFolded): Promise<FoldOutcome[]> {
    return this.options.database.transaction(async (tx) => {
      const outcomes = await this.foldIn(tx, events);
      // Runs last, so its locks cannot deadlock with the fold's.
      await onFolded(
        tx,
        events.filter((_event, at) => outcomes[at] !== 'waiting'),
      );
      return outcomes;
    });
  }

  private async foldIn(tx: Transaction, events: readonly CommerceEvent[]): Promise<FoldOutcome[]> {
    const { commerce, waiting } = this.options;
    const { userIdOf, isErased, isNewOrder } = await this.attribute(tx, events);
    const first = new Map<string, CommerceEvent>();
    for (const event of events) {
      const identity = identityOf(event);
      if (!first.has(identity)) first.set(identity, event);
    }
    const known = [...first.values()].filter((event) => userIdOf(event) !== undefined);
    const recorded = new Set<string>();
    if (known.length > 0) {
      const userIds = [...new Set(known.map((event) => userIdOf(event) as string))];
      const lastEntryAt = await commerce.lockSummaries(tx, userIds);
      const changed = known.flatMap((event) =>
        event.type === 'OrderCancelled' || (event.type === 'OrderPlaced' && !isNewOrder(event.orderId))
          ? [event.orderId]
          : [],
      );
      const summaries = new OrderAwareFold(await findOrderStates(tx, [...new Set(changed)]));
      const added = new Map<string, CommerceSummary>();
      const cancelled: { orderId: string; userId: string }[] = [];
      let left = known;
      while (left.length > 0) {
        const [next, others] = withoutRepeatedCancellations(left, (orderId) =>
          summaries.isCancelled(orderId),
        );
        const attributed = next.map((event) => attribution(event, userIdOf(event) as string, lastEntryAt));
        for (const identity of await commerce.recordEntries(tx, attributed))
          recorded.add(identityOf(identity));
        for (const { event, userId, late } of attributed) {
          if (!recorded.has(identityOf(event))) continue;
          if (late) tx.afterCommit(() => this.options.metrics.eventsLate.inc({ type: event.type }));
          added.set(userId, summaries.add(added.get(userId) ?? initial, event));
          if (event.type === 'OrderCancelled') cancelled.push({ orderId: event.orderId, userId });
        }
        // Usually empty: the other cancellations count only if none of their orders' events was new.
        left = others.filter(({ orderId }) => !summaries.isCancelled(orderId));
      }
      await recordCancelledOrders(tx, cancelled);
      if (added.size > 0) await commerce.addToSummaries(tx, added);
    }
    const unattributed = [...first.values()].filter((event) => userIdOf(event) === undefined);
    await recordErasedEvents(tx, unattributed.filter(isErased));
    await waiting.add(
      tx,
      unattributed.filter((event) => !isErased(event)),
    );
    return events.map((event) => {
      if (userIdOf(event) === undefined) return isErased(event) ? 'erased' : 'waiting';
      return first.get(identityOf(event)) === event && recorded.has(identityOf(event))
        ? 'folded'
        : 'duplicate';
    });
  }

  /** Finds the user of each event. Some name only an order, which may be in this batch. */
  private async attribute(tx: Transaction, events: readonly CommerceEvent[]): Promise<Attribution> {
    const { commerce } = this.options;
    const named = events.flatMap((it) => (namesOnlyOrder(it) ? [] : [it.userId]));
    const users = await commerce.lockUsers(tx, [...new Set(named)]);
    // After locking the users: an erasure in progress has committed by now, or it waits for this transaction.
    const erased = await findErased(
      tx,
      named.filter((id) => !users.has(id)),
    );
    const known = ({ userId }: { userId: string }) => users.has(userId) || erased.has(userId);
    const placed = events.flatMap((it) => (it.type === 'OrderPlaced' && known(it) ? [it] : []));
    const { ownerOf, newOrderIds } = await recordOrders(tx, placed);
    const isOfAnother = placed.some(
      ({ orderId, userId }) => users.has(userId) && ownerOf.get(orderId) !== userId,
    );
    // One by one, the first event of the order is folded.
    if (isOfAnother)
      throw new UnfoldableEventError('ORDER_OF_ANOTHER_USER', 'the order is already that of another user');
    const referredTo = events.flatMap((it) => (namesOnlyOrder(it) ? [it.orderId] : []));
    const userOfOrder = await lockUsersOfOrders(tx, [...new Set(referredTo)]);
    const erasedOrders = await findErasedOrders(
      tx,
      referredTo.filter((id) => !userOfOrder.has(id)),
    );
    return {
      userIdOf: (event) => {
        if (namesOnlyOrder(event)) return userOfOrder.get(event.orderId);
        return users.has(event.userId) ? event.userId : undefined;
      },
      isErased: (event) =>
        namesOnlyOrder(event) ? erasedOrders.has(event.orderId) : erased.has(event.userId),
      isNewOrder: (orderId) => newOrderIds.has(orderId),
    };
  }
}

/** Decides whether the event is late, and updates the user's latest time for later events of the batch. */
function attribution(
  event: CommerceEvent,
  userId: string,
  lastEntryAt: Map<string, Date | null>,
): AttributedEvent {
  const last = lastEntryAt.get(userId) ?? null;
  const late = last !== null && last > event.occurredAt;
  if (!late) lastEntryAt.set(userId, event.occurredAt);
  return { event, userId, late };
}
