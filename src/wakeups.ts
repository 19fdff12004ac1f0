import type { WaitingEvents } from './commerce/waiting-events';
import type { OutboxRelay } from './outbox/outbox.relay';

/**
 * Wakes background work of this process after the commit that made it possible. Without that work in this process a
 * call does nothing: the polls of other processes find the same.
 */
export class Wakeups {
  /** Publishes events. Set when it is created. */
  relay: Pick<OutboxRelay, 'wake'> | null = null;
  /** Folds events that wait for a user or an order. Set when it is created. */
  waiting: Pick<WaitingEvents, 'release'> | null = null;

  readonly eventsCommitted = (lane: number): void => this.relay?.wake(lane);
  readonly userKnown = (userId: string): void => this.waiting?.release('user', [userId]);
  readonly ordersKnown = (orderIds: readonly string[]): void => this.waiting?.release('order', orderIds);
}
