import { Client } from 'pg';
import { eventually } from './eventually';

/** A table that can be read, and written by nobody. */
export interface LockedTable {
  /** Resolves when so many transactions wait to write to it. */
  untilWaiting(transactions: number): Promise<void>;
  release(): Promise<void>;
}

/** Locks the table, once those that write to it now have committed. */
export async function lockTable(url: string, table: string): Promise<LockedTable> {
  const [holder, observer] = [new Client({ connectionString: url }), new Client({ connectionString: url })];
  // A test that fails drops the database with these connections in it.
  for (const client of [holder, observer]) client.on('error', () => undefined);
  await Promise.all([holder.connect(), observer.connect()]);
  await holder.query(`BEGIN; LOCK TABLE ${table} IN EXCLUSIVE MODE`);
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
