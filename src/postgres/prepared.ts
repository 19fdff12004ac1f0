const names = new Map<string, string>();

/**
 * Returns the SQL unchanged and registers it as a prepared statement, which each connection parses only once.
 * Use it only for a fixed set of statements: connections and this module keep each of them until they end.
 */
export function prepared(sql: string): string {
  if (!names.has(sql)) names.set(sql, `prepared_${names.size + 1}`);
  return sql;
}

const composed = new Set<string>();
const maxComposed = 100;

/** As `prepared`, for statements that depend on the request: those after the first hundred are not registered. */
export function preparedIfFew(sql: string): string {
  if (composed.size < maxComposed) composed.add(sql);
  return composed.has(sql) ? prepared(sql) : sql;
}

/** Returns the name of a prepared statement; undefined for SQL that is not registered. */
export function preparedNameOf(sql: unknown): string | undefined {
  return names.get(sql as string);
}
