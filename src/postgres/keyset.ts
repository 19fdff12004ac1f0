/** A place in a list that is ordered by time, then id. The time is text, as it holds microseconds that a Date drops. */
export interface KeysetPosition {
  readonly at: string;
  readonly id: string;
}

/** A row and its place in the list. */
export interface Positioned<T> {
  readonly row: T;
  readonly position: KeysetPosition;
}

/** SQL for a timestamp as cursors carry it: UTC with microseconds. */
export function keysetTime(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
