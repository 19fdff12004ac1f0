/** A position in a list ordered by time, then id. The time is text, because a Date drops microseconds. */
export interface KeysetPosition {
  readonly at: string;
  readonly id: string;
}

/** The position before every row of a list that is ordered from old to new. */
export const keysetStart: KeysetPosition = { at: '-infinity', id: '00000000-0000-0000-0000-000000000000' };

/** A row and its position in the list; null if the position was not read. */
export interface Positioned<T> {
  readonly row: T;
  readonly position: KeysetPosition | null;
}

/** Returns SQL that formats a timestamp column for cursors: UTC with microseconds. */
export function keysetTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/**
 * Returns the SQL condition for rows that follow `position`.
 *
 * @param timeColumn the column or expression by which the list is ordered before `id`
 * @param bind adds a value to the parameters of the statement and returns its placeholder
 */
export function follows(
  timeColumn: string,
  { at, id }: KeysetPosition,
  order: 'oldest first' | 'newest first',
  bind: (value: unknown) => string,
): string {
  const comparison = order === 'oldest first' ? '>' : '<';
  return `(${timeColumn}, id) ${comparison} (${bind(at)}::timestamptz, ${bind(id)}::uuid)`;
}

/** Selects a page of a list. `signal` cancels the statement. */
export interface KeysetPage {
  readonly limit: number;
  readonly after: KeysetPosition | null;
  readonly signal?: AbortSignal;
}
