import { ParkedMessagesRepository } from '../parked/parked-messages.repository';
import type { Database } from '../postgres/database';
import { createMetrics } from '../telemetry/metrics';
import { withUpToDateDatabase } from './with-database';

/** Runs `work` with the parked messages. It migrates nothing and folds nothing. */
export function withParkedMessages<T>(
  work: (parked: ParkedMessagesRepository, database: Database) => Promise<T>,
): Promise<T> {
  return withUpToDateDatabase(2, (database) =>
    work(new ParkedMessagesRepository(database, createMetrics()), database),
  );
}
