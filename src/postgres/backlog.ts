import type { Database } from './database';

/** A number of rows and the age of the oldest one in seconds; 0 if there is none. */
export interface Backlog {
  readonly count: number;
  readonly oldestSeconds: number;
}

export interface BacklogQuery {
  /** What follows FROM. */
  readonly from: string;
  /** An aggregate or subquery that returns the time of the oldest row. */
  readonly oldest: string;
}

/**
 * Counts the rows of a backlog and returns the age of the oldest one by PostgreSQL's clock.
 *
 * @throws DatabaseUnavailableError
 */
export async function readBacklog(database: Database, { from, oldest }: BacklogQuery): Promise<Backlog> {
  const [row] = await database.query<{ count: string; seconds: number | null }>(
    `SELECT count(*) AS count, extract(epoch FROM now() - ${oldest})::float8 AS seconds FROM ${from}`,
  );
  return { count: Number(row?.count ?? 0), oldestSeconds: Math.max(0, row?.seconds ?? 0) };
}
