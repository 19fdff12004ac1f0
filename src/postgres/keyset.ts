/** A position in a list ordered by time, then id. The time is text, because a Date drops microseconds. */
export interface KeysetPosition {
  readonly at: string;
  readonly id: string;
}

/** A row and its position in the list. */
export interface Positioned<T> {
  readonly row: T;
  readonly position: KeysetPosition;
}

/** Returns SQL that formats a timestamp column for cursors: UTC with microseconds. */
export function keysetTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
