const names = new Map<string, string>();

/**
 * Has a statement planned once for each connection instead of at every run; answers it unchanged.
 * For statements that are written once in the code and run all the time: each connection keeps them for ever.
 */
export function prepared(sql: string): string {
  if (!names.has(sql)) names.set(sql, `prepared_${names.size + 1}`);
  return sql;
}

/** The name under which a connection keeps the statement; undefined for one that is planned at every run. */
export function preparedNameOf(sql: unknown): string | undefined {
  return names.get(sql as string);
}
