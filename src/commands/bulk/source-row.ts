import type { FieldProblem } from '../../users/user.errors';

/** A row of a file: its values by field name, or the problems that made it unreadable. */
export type SourceRow = { readonly line: number } & (
  | { readonly record: Readonly<Record<string, unknown>> }
  | { readonly fields: readonly FieldProblem[] }
);

/** The maximum size of a row in bytes, ten times that of a user with all fields at their limits. */
export const maxRowBytes = 65_536;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Returns the text, or null when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Returns a row with one problem for the whole line. */
export function unreadable(line: number, message: string): SourceRow {
  return { line, fields: [{ path: 'line', code: 'INVALID_FORMAT', message }] };
}

/** Yields the bytes without a leading UTF-8 byte order mark. */
export async function* withoutByteOrderMark(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let beginning: Buffer | null = Buffer.alloc(0);
  for await (const chunk of source) {
    if (beginning === null) {
      yield chunk;
      continue;
    }
    beginning = Buffer.concat([beginning, chunk]);
    if (beginning.length < byteOrderMark.length) continue;
    yield stripped(beginning);
    beginning = null;
  }
  if (beginning !== null) yield stripped(beginning);
}

const byteOrderMark = Buffer.from('\uFEFF');

function stripped(bytes: Buffer): Buffer {
  return bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark)
    ? bytes.subarray(byteOrderMark.length)
    : bytes;
}
