import type { Database } from './database';

export interface SampledTable {
  readonly table: string;
  /** A column with few values. */
  readonly column: string;
  /** The values to count; other values are left out. */
  readonly values: readonly string[];
  /** The most pages of 8 kB that are read; defaults to 2,000 (16 MB). */
  readonly pages?: number;
}

/**
 * Returns the number of rows by the value of a column. Of a table with more pages it reads a random part and estimates.
 *
 * @throws DatabaseUnavailableError
 */
export async function sampleCounts(
  database: Database,
  { table, column, values, pages = 2_000 }: SampledTable,
): Promise<Record<string, number>> {
  const rows = await database.query<{ value: string; count: number }>(
    `WITH sample AS (
       SELECT least(100, 100.0 * $1 / greatest(1, pg_relation_size('${table}') / 8192))::float4 AS percent)
     SELECT ${column} AS value, round(count(*) * 100 / (SELECT percent FROM sample))::float8 AS count
     FROM ${table} TABLESAMPLE SYSTEM ((SELECT percent FROM sample)) GROUP BY ${column}`,
    [pages],
  );
  const counts = new Map(rows.map(({ value, count }) => [value, count]));
  return Object.fromEntries(values.map((value) => [value, counts.get(value) ?? 0]));
}
