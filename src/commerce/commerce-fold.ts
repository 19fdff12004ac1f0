import { findErased, findErasedOrders, recordErasedEvents } from '../erased/erased-users';
import type { Database, Transaction } from '../postgres/database';
import type { AttributedEvent, CommerceRepository } from './commerce.repository';
import { type CommerceEvent, identityOf } from './commerce-event';
import { isEventAtFault, isWorthAnotherTry } from './fold-failure';
import { type CommerceSummary, evolve, initial } from './user-history.projection';
import type { WaitingEventsRepository } from './waiting-events.repository';

/**
 * What became of an event: `waiting` events are kept until what they refer to is known; of those of `erased` users
 * nothing is kept but their identity.
 */
export type FoldOutcome = 'folded' | 'duplicate' | 'waiting' | 'erased';

/** An event that can never be folded, however often it is tried. */
export class UnfoldableEventError extends Error {
  override name = 'UnfoldableEventError';
}

export interface CommerceFoldOptions {
  readonly database: Database;
  readonly commerce: CommerceRepository;
  readonly waiting: WaitingEventsRepository;
  readonly metrics: FoldMetrics;
  /** Is told, after the commit, which orders became known. Must not throw. */
  readonly onOrdersKnown?: (orderIds: string[]) => void;
}

/** What the fold counts. */
export interface FoldMetrics {
  eventsFolded: { inc(labels: { type: string; result: FoldOutcome | 'parked' }): void };
}

/** What else belongs into the transaction of a fold. */
export type Alongside = (tx: Transaction, settled: readonly CommerceEvent[]) => Promise<void>;

/** Whose events are. */
interface Attribution {
  /** Undefined while that is not known, and for users who are erased. */
  readonly userIdOf: (event: CommerceEvent) => string | undefined;
  readonly isErased: (event: CommerceEvent) => boolean;
}

const triesOfOne = 3;

/** Folds other services' events into histories and summaries: each once, however often and in whatever order they come. */
export class CommerceFold {
  constructor(private readonly options: CommerceFoldOptions) {}

  /**
   * Folds the events in one transaction; when one of them makes that fail, one by one, so that it fails alone.
   *
   * @param alongside runs at the end of each transaction, with those of its events that do not wait
   * @returns for each event what became of it, or why it can never be folded
   * @throws what PostgreSQL failed with, when the events are not at fault: nothing of the batch is lost by trying again
   */
  async fold(
    events: readonly CommerceEvent[],
    alongside: Alongside = async () => undefined,
  ): Promise<(FoldOutcome | UnfoldableEventError)[]> {
    if (events.length === 0) return [];
    const results = await this.foldTogether(events, alongside).catch((error: unknown) => {
      if (!isEventAtFault(error) && !isWorthAnotherTry(error)) throw error;
      return this.foldOneByOne(events, alongside);
    });
    for (const [at, event] of events.entries()) {
      const result = results[at];
      const label = result === undefined || result instanceof UnfoldableEventError ? 'parked' : result;
      this.options.metrics.eventsFolded.inc({ type: event.type, result: label });
    }
    // Also those of erased users: what waits for them holds content, and goes now rather than at the next sweep.
    const orders = events.flatMap((it, at) =>
      it.type === 'OrderPlaced' && (results[at] === 'folded' || results[at] === 'erased') ? [it.orderId] : [],
    );
    if (orders.length > 0) this.options.onOrdersKnown?.(orders);
    return results;
  }

  /** True when the event was dealt with before; counts it as a duplicate then. */
  async recognise(event: CommerceEvent): Promise<boolean> {
    const known = await this.options.commerce.isKnown(event);
    if (known) this.options.metrics.eventsFolded.inc({ type: event.type, result: 'duplicate' });
    return known;
  }

  private async foldOneByOne(
    events: readonly CommerceEvent[],
    alongside: Alongside,
  ): Promise<(FoldOutcome | UnfoldableEventError)[]> {
    const results: (FoldOutcome | UnfoldableEventError)[] = [];
    for (const event of events) results.push(await this.foldOne(event, alongside));
    return results;
  }

  private async foldOne(
    event: CommerceEvent,
    alongside: Alongside,
  ): Promise<FoldOutcome | UnfoldableEventError> {
    for (let tries = 1; ; tries += 1) {
      try {
        const [outcome] = await this.foldTogether([event], alongside);
        return outcome as FoldOutcome;
      } catch (error) {
        if (isEventAtFault(error)) return new UnfoldableEventError('it cannot be folded', { cause: error });
        if (!isWorthAnotherTry(error) || tries === triesOfOne) throw error;
      }
    }
  }

  private foldTogether(events: readonly CommerceEvent[], alongside: Alongside): Promise<FoldOutcome[]> {
    return this.options.database.transaction(async (tx) => {
      const outcomes = await this.foldIn(tx, events);
      // Last: what it locks nobody waits for who holds anything of the fold.
      await alongside(
        tx,
        events.filter((_event, at) => outcomes[at] !== 'waiting'),
      );
      return outcomes;
    });
  }

  private async foldIn(tx: Transaction, events: readonly CommerceEvent[]): Promise<FoldOutcome[]> {
    const { commerce, waiting } = this.options;
    const { userIdOf, isErased } = await this.attribute(tx, events);
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
      const attributed = known.map((event) => attribution(event, userIdOf(event) as string, lastEntryAt));
      for (const identity of await commerce.recordEntries(tx, attributed)) recorded.add(identityOf(identity));
      const added = new Map<string, CommerceSummary>();
      for (const { event, userId } of attributed) {
        if (recorded.has(identityOf(event))) added.set(userId, evolve(added.get(userId) ?? initial, event));
      }
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

  /** Finds whose each event is; of payments only the orders tell, those of this batch included. */
  private async attribute(tx: Transaction, events: readonly CommerceEvent[]): Promise<Attribution> {
    const { commerce } = this.options;
    const named = events.flatMap((it) => (it.type === 'PaymentFailed' ? [] : [it.userId]));
    const users = await commerce.holdUsers(tx, [...new Set(named)]);
    // After holding: an erasure in progress is committed by now, or waits for this transaction.
    const erased = await findErased(
      tx,
      named.filter((id) => !users.has(id)),
    );
    const known = ({ userId }: { userId: string }) => users.has(userId) || erased.has(userId);
    await commerce.recordOrders(
      tx,
      events.flatMap((it) => (it.type === 'OrderPlaced' && known(it) ? [it] : [])),
    );
    const paidFor = events.flatMap((it) => (it.type === 'PaymentFailed' ? [it.orderId] : []));
    const userOfOrder = await commerce.holdUsersOfOrders(tx, [...new Set(paidFor)]);
    const erasedOrders = await findErasedOrders(
      tx,
      paidFor.filter((id) => !userOfOrder.has(id)),
    );
    return {
      userIdOf: (event) => {
        if (event.type === 'PaymentFailed') return userOfOrder.get(event.orderId);
        return users.has(event.userId) ? event.userId : undefined;
      },
      isErased: (event) =>
        event.type === 'PaymentFailed' ? erasedOrders.has(event.orderId) : erased.has(event.userId),
    };
  }
}

/** Decides whether the event is late, and moves the user's latest time on for those that follow in the batch. */
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
