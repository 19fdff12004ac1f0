import { openDatabase } from '../data-source';
import { createIntake } from '../intake';
import type { Database } from '../postgres/database';
import { createMetrics } from '../telemetry/metrics';
import { connectLimitMs, withDatabase } from './with-database';

/**
 * Runs `work` with the server's intake of other services' events, without consuming from a queue. Resolves when the
 * events that waited for events folded by `work` are folded, too.
 */
export function withIntake<T>(
  work: (intake: ReturnType<typeof createIntake>, database: Database) => Promise<T>,
): Promise<T> {
  return withDatabase(process.env, async ({ url, config, log }) => {
    const database = openDatabase(url, log, 2);
    await database.connect(connectLimitMs);
    const waitingDays = config.retention.WAITING_DAYS;
    const intake = createIntake({ database, metrics: createMetrics(), log, waitingDays });
    try {
      return await work(intake, database);
    } finally {
      await intake.waiting.drain();
      await database.close();
    }
  });
}
