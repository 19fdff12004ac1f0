import { UserActivityRepository } from './activity/user-activity.repository';
import { CommerceRepository } from './commerce/commerce.repository';
import { CommerceFold } from './commerce/commerce-fold';
import { WaitingEvents } from './commerce/waiting-events';
import { WaitingEventsRepository } from './commerce/waiting-events.repository';
import { HistoryConsumer } from './consumers/history.consumer';
import { DeliveryAttemptsRepository } from './parked/delivery-attempts.repository';
import { ParkedMessagesRepository } from './parked/parked-messages.repository';
import type { Database } from './postgres/database';
import type { Logger } from './telemetry/logger';
import type { Metrics } from './telemetry/metrics';
import type { Tracing } from './telemetry/tracing';
import { Wakeups } from './wakeups';

export interface IntakeOptions {
  readonly database: Database;
  readonly metrics: Metrics;
  /** Records a span for each message; defaults to none. */
  readonly tracing?: Tracing | null;
  readonly log: Logger;
  /** Days after which an event whose user or order is unknown is parked. */
  readonly waitingDays: number;
  /** Shared with `createServices`, so that a new user releases the events that wait for it. */
  readonly wakeups?: Wakeups;
}

/** Creates the consumer of other services' events with its collaborators, for the server and for commands. */
export function createIntake(options: IntakeOptions) {
  const { database, metrics, wakeups = new Wakeups() } = options;
  const waitingEvents = new WaitingEventsRepository(database);
  const parked = new ParkedMessagesRepository(database, metrics);
  const attempts = new DeliveryAttemptsRepository(database);
  const commerce = new CommerceRepository(database);
  const activity = new UserActivityRepository(database);
  const fold = new CommerceFold({
    database,
    commerce,
    metrics,
    waiting: waitingEvents,
    onOrdersKnown: wakeups.ordersKnown,
  });
  const waiting = new WaitingEvents({
    ...options,
    waiting: waitingEvents,
    parked,
    fold,
  });
  wakeups.waiting = waiting;
  metrics.watchStored('waiting', () => waitingEvents.measure());
  metrics.watchStored('parked', () => parked.measure());
  const { tracing } = options;
  const consumer = new HistoryConsumer({ fold, activity, parked, attempts, metrics, tracing });
  metrics.watchIntake(() => consumer.blockedSeconds());
  return { fold, activity, waiting, parked, commerce, consumer };
}
