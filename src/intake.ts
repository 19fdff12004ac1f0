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

export interface IntakeOptions {
  readonly database: Database;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Days after which an event whose user or order is unknown is parked. */
  readonly waitingDays: number;
}

/** Creates the consumer of other services' events with its collaborators, for the server and for commands. */
export function createIntake(options: IntakeOptions) {
  const { database, metrics } = options;
  const waitingEvents = new WaitingEventsRepository(database);
  const parked = new ParkedMessagesRepository(database);
  const attempts = new DeliveryAttemptsRepository(database);
  const commerce = new CommerceRepository(database);
  const fold = new CommerceFold({
    database,
    commerce,
    metrics,
    waiting: waitingEvents,
    onOrdersKnown: (ids) => waiting.release('order', ids),
  });
  const waiting: WaitingEvents = new WaitingEvents({
    ...options,
    waiting: waitingEvents,
    parked,
    fold,
  });
  metrics.watchWaiting(() => waitingEvents.measure());
  return {
    fold,
    waiting,
    parked,
    commerce,
    consumer: new HistoryConsumer({ fold, parked, attempts, metrics }),
  };
}
