import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../src/postgres/database';

const sampleIntervalMs = 5;

/** Deletions from histories during the watch. */
export interface DeletionWatch {
  readonly statements: number;
  readonly rows: number;
  /** The most rows of one statement. */
  readonly mostRows: number;
  /** From the begin of a deleting transaction to the end of the deletion. */
  readonly longestTransactionMs: number;
  /** The number of samples in which a connection of the database waited for a lock, summed over connections. */
  readonly lockWaits: number;
}

/** Counts statements that delete from `user_history`, by a trigger, and samples lock waits until `stop`. */
export async function watchDeletions(database: Database): Promise<{ stop(): Promise<DeletionWatch> }> {
  await database.query(`
    CREATE TABLE deletions (rows int NOT NULL, ms float8 NOT NULL);
    CREATE FUNCTION count_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO deletions SELECT count(*), extract(epoch FROM clock_timestamp() - now()) * 1000 FROM gone;
      RETURN NULL;
    END $$;
    CREATE TRIGGER count_deletion AFTER DELETE ON user_history REFERENCING OLD TABLE AS gone
      FOR EACH STATEMENT EXECUTE FUNCTION count_deletion()`);
  const stopping = new AbortController();
  const { signal } = stopping;
  let lockWaits = 0;
  const sampling = (async () => {
    while (!signal.aborted) {
      const [row] = await database.query<{ waits: number }>(`
        SELECT count(*)::int AS waits FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`);
      lockWaits += row?.waits ?? 0;
      await delay(sampleIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await sampling;
      const [row] = await database.query<Omit<DeletionWatch, 'lockWaits'>>(`
        SELECT count(*)::int AS statements, coalesce(sum(rows), 0)::int AS rows, coalesce(max(rows), 0) AS "mostRows",
          coalesce(max(ms), 0) AS "longestTransactionMs" FROM deletions WHERE rows > 0`);
      await database.query('DROP FUNCTION count_deletion CASCADE; DROP TABLE deletions');
      return { ...(row as Omit<DeletionWatch, 'lockWaits'>), lockWaits };
    },
  };
}
