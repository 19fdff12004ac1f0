import { isUtf8 } from 'node:buffer';
import { readLines } from '../../files/lines';
import { EmptyFileError, maxRowBytes, notUtf8, type SourceRow, unreadable } from './source-row';
import { readAsUtf8 } from './utf8-source';

/**
 * Yields the rows of a file with one JSON object a line, in bounded memory. Skips blank lines.
 *
 * @throws Error when the file has no rows
 */
export async function* readNdjsonRows(source: AsyncIterable<Buffer>): AsyncGenerator<SourceRow> {
  let line = 0;
  let isEmpty = true;
  for await (const bytes of readLines(readAsUtf8(source), maxRowBytes)) {
    line += 1;
    const row = bytes === null ? unreadable(line, `has more than ${maxRowBytes} bytes`) : parse(line, bytes);
    if (row === null) continue;
    isEmpty = false;
    yield row;
  }
  if (isEmpty) throw new EmptyFileError();
}

function parse(line: number, bytes: Buffer): SourceRow | null {
  if (!isUtf8(bytes)) return unreadable(line, notUtf8);
  const text = bytes.toString();
  if (text.trim() === '') return null;
  try {
    const record: unknown = JSON.parse(text);
    if (typeof record === 'object' && record !== null && !Array.isArray(record))
      return { line, record: record as Record<string, unknown> };
  } catch {
    // Reported below: the parser's own message may quote the line.
  }
  return unreadable(line, 'is not a JSON object');
}
