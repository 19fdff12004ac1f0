import { maxRowBytes, withoutByteOrderMark } from './source-row';

const [comma, quote, lineFeed, carriageReturn] = [0x2c, 0x22, 0x0a, 0x0d];

/** A record of a CSV file and the line where it begins: its cells, or the problem that made it unreadable. */
export type CsvRecord = { readonly line: number } & (
  | { readonly cells: readonly Buffer[] }
  | { readonly problem: string }
);

const problems = {
  tooLong: `has more than ${maxRowBytes} bytes, or a quote that is not closed`,
  quotes: 'has a quote that is not closed correctly',
};

/** The result of scanning one record; the next one begins at `end`. */
type Scan = { cells: Buffer[]; end: number } | 'unfinished' | 'wrong quotes';

/**
 * Yields the records of a CSV file in bounded memory. The format is RFC 4180; a quote inside an unquoted cell is
 * literal. After an unreadable record, reading resumes at the next line.
 */
export async function* readCsvRecords(source: AsyncIterable<Buffer>): AsyncGenerator<CsvRecord> {
  const chunks = withoutByteOrderMark(source)[Symbol.asyncIterator]();
  let bytes: Buffer = Buffer.alloc(0);
  let from = 0;
  let line = 1;
  let complete = false;
  const readOn = async () => {
    const next = await chunks.next();
    complete = next.done === true;
    bytes = Buffer.concat([bytes.subarray(from), next.done ? Buffer.alloc(0) : next.value]);
    from = 0;
  };
  while (!complete || from < bytes.length) {
    const found = scan(bytes, from, complete);
    if (typeof found === 'object') {
      const tooLong = found.end - from > maxRowBytes;
      yield tooLong ? { line, problem: problems.tooLong } : { line, cells: found.cells };
      line += countLines(bytes, from, found.end);
      from = found.end;
      continue;
    }
    const tooLong = found === 'unfinished' && bytes.length - from > maxRowBytes;
    if (found === 'unfinished' && !tooLong) {
      await readOn();
      continue;
    }
    yield { line, problem: tooLong ? problems.tooLong : problems.quotes };
    for (let end = -1; end < 0; ) {
      end = bytes.indexOf(lineFeed, from);
      from = end < 0 ? bytes.length : end + 1;
      if (complete) break;
      if (end < 0) await readOn();
    }
    line += 1;
  }
}

function countLines(bytes: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = bytes.indexOf(lineFeed, from); at >= 0 && at < to; at = bytes.indexOf(lineFeed, at + 1))
    count += 1;
  return count;
}

/** @param complete true when `bytes` are the last ones */
function scan(bytes: Buffer, from: number, complete: boolean): Scan {
  const cells: Buffer[] = [];
  for (let at = from; ; at += 1) {
    const quoted = bytes[at] === quote;
    const cell = quoted ? scanQuoted(bytes, at + 1) : scanPlain(bytes, at);
    if (cell === null) return complete ? 'wrong quotes' : 'unfinished';
    cells.push(cell.content);
    at = cell.end;
    if (at >= bytes.length) return complete ? { cells, end: at } : 'unfinished';
    if (bytes[at] === comma) continue;
    if (bytes[at] === lineFeed) return { cells, end: at + 1 };
    // Only a quoted cell stops before a carriage return.
    if (bytes[at] !== carriageReturn) return 'wrong quotes';
    if (bytes[at + 1] === lineFeed) return { cells, end: at + 2 };
    if (at + 1 < bytes.length) return 'wrong quotes';
    return complete ? { cells, end: at + 1 } : 'unfinished';
  }
}

function scanPlain(bytes: Buffer, from: number): { content: Buffer; end: number } {
  let end = from;
  while (end < bytes.length && bytes[end] !== comma && bytes[end] !== lineFeed) end += 1;
  const cut = bytes[end] !== comma && end > from && bytes[end - 1] === carriageReturn ? 1 : 0;
  return { content: bytes.subarray(from, end - cut), end };
}

/** Returns null without a closing quote, or when the next chunk could double the closing quote. */
function scanQuoted(bytes: Buffer, from: number): { content: Buffer; end: number } | null {
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const closing = bytes.indexOf(quote, at);
    if (closing < 0) return null;
    if (bytes[closing + 1] !== quote) {
      parts.push(bytes.subarray(at, closing));
      return { content: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts), end: closing + 1 };
    }
    parts.push(bytes.subarray(at, closing + 1));
    at = closing + 2;
  }
}
