import { Client } from 'pg';
import { eventually } from './eventually';

/** A locked table. */
export interface LockedTable {
  /** Resolves when this many transactions wait for the lock. */
  untilWaiting(transactions: number): Promise<void>;
  release(): Promise<void>;
}

/** Locks the table against writes, or against reads too, after transactions that already do so have ended. */
export async function lockTable(
  url: string,
  table: string,
  against: 'writes' | 'reads' = 'writes',
): Promise<LockedTable> {
  const [holder, observer] = [new Client({ connectionString: url }), new Client({ connectionString: url })];
  // After a failed test the database is dropped while these are connected.
  for (const client of [holder, observer]) client.on('error', () => undefined);
  await Promise.all([holder.connect(), observer.connect()]);
  const mode = against === 'reads' ? 'ACCESS EXCLUSIVE' : 'EXCLUSIVE';
  await holder.query(`BEGIN; LOCK TABLE ${table} IN ${mode} MODE`);
  return {
    untilWaiting: (transactions) =>
      eventually(
        async () => {
          const { rows } = await observer.query(
            'SELECT 1 FROM pg_locks WHERE NOT granted AND relation = $1::regclass',
            [table],
          );
          if (rows.length < transactions) throw new Error(`${rows.length} wait for ${table}`);
        },
        { timeoutMs: 20_000, intervalMs: 10 },
      ),
    async release() {
      await Promise.all([holder.end(), observer.end()]);
    },
  };
}
