import type { FieldProblem } from '../../users/user.errors';

/** A row of a file: what it says, by field name, or why it cannot be read. */
export type SourceRow = { readonly line: number } & (
  | { readonly record: Readonly<Record<string, unknown>> }
  | { readonly fields: readonly FieldProblem[] }
);

/** The most bytes a row may have; a user with everything at its limit needs a tenth. */
export const maxRowBytes = 65_536;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text, or null where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** A row that is wrong as a whole. */
export function unreadable(line: number, message: string): SourceRow {
  return { line, fields: [{ path: 'line', code: 'INVALID_FORMAT', message }] };
}

/** The stream without the byte order mark that some programs begin a file with. */
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
