import type { Database } from '../postgres/database';
import { type StoredUserStatus, userStatuses } from './user.entity';

const countsByStatus = `
  WITH sample AS (
    SELECT least(100, 100.0 * $1 / greatest(1, pg_relation_size('users') / 8192))::float4 AS percent)
  SELECT status, round(count(*) * 100 / (SELECT percent FROM sample))::float8 AS count
  FROM users TABLESAMPLE SYSTEM ((SELECT percent FROM sample)) GROUP BY status`;

/**
 * Returns the number of users by status. Of a table with more than `sampledPages` pages of 8 kB, 16 MB by default, it
 * reads a random part and estimates.
 *
 * @throws DatabaseUnavailableError
 */
export async function countUsersByStatus(
  database: Database,
  sampledPages = 2_000,
): Promise<Record<StoredUserStatus, number>> {
  const rows = await database.query<{ status: string; count: number }>(countsByStatus, [sampledPages]);
  const counted = new Map(rows.map(({ status, count }) => [status, count]));
  return Object.fromEntries(userStatuses.map((status) => [status, counted.get(status) ?? 0])) as Record<
    StoredUserStatus,
    number
  >;
}
