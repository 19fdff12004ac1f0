import type { FieldProblem } from '../../users/user.errors';

/** A row of a file: its values by field name, or the problems that made it unreadable. */
export type SourceRow = { readonly line: number } & (
  | { readonly record: Readonly<Record<string, unknown>> }
  | { readonly fields: readonly FieldProblem[] }
);

/** The maximum size of a row in bytes, ten times that of a user with all fields at their limits. */
export const maxRowBytes = 65_536;

/** The problem of a row whose bytes are not UTF-8. */
export const notUtf8 = 'is not UTF-8, perhaps Latin-1 (Windows-1252): save the file as UTF-8';

/** Thrown for an NDJSON file without a row, and for a CSV file without a header. */
export class EmptyFileError extends Error {
  constructor() {
    super('the file is empty');
  }
}

/** Returns a row with one problem for the whole line. */
export function unreadable(line: number, message: string): SourceRow {
  return { line, fields: [{ path: 'line', code: 'INVALID_FORMAT', message }] };
}
