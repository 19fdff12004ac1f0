import { isUtf8 } from 'node:buffer';
import { type CsvError, Parser } from 'csv-parse';
import { maxRowBytes, notUtf8 } from './source-row';

const [lineFeed, carriageReturn] = [0x0a, 0x0d];

/** A record of a CSV file and the line where it begins: its cells, or the problem that made it unreadable. */
export type CsvRecord = { readonly line: number } & (
  | { readonly cells: readonly string[] }
  | { readonly problem: string }
);

const tooLong = `has more than ${maxRowBytes} bytes, or a quote that is not closed`;

/**
 * Yields the records of a CSV file in bounded memory. Cells are trimmed outside quotes; a quote inside an unquoted cell
 * is literal. After a record with wrong quotes or too many bytes, reading resumes at the line after the one where the
 * record begins.
 */
export async function* readCsvRecords(
  source: AsyncIterable<Buffer>,
  separator: string,
): AsyncGenerator<CsvRecord> {
  const file = holdBytes(source);
  let line = 1;
  let parser = openParser(separator);
  for (let unparsed: Buffer | null = await file.read(); unparsed; ) {
    const { records, error } = await parser.parse(unparsed, file.complete);
    let isTooLong = false;
    for (const { cells, size } of records) {
      isTooLong = size > maxRowBytes;
      if (isTooLong) break;
      const bytes = file.take(size);
      yield isUtf8(bytes) ? { line, cells } : { line, problem: notUtf8 };
      line += countLines(bytes);
    }
    isTooLong ||= file.held.length > maxRowBytes;
    if (!isTooLong && error === null) {
      unparsed = file.complete ? null : await file.read();
      continue;
    }
    yield { line, problem: isTooLong || error === null ? tooLong : problemOf(error) };
    await file.skipLine();
    line += 1;
    parser = openParser(separator);
    unparsed = file.held;
  }
}

/** Holds the bytes of the file from the next record on. */
function holdBytes(source: AsyncIterable<Buffer>) {
  const chunks = source[Symbol.asyncIterator]();
  const file = {
    held: Buffer.alloc(0) as Buffer,
    /** Whether all bytes of the file were read. */
    complete: false,
    /** Returns more bytes and holds them, too. */
    async read(): Promise<Buffer> {
      const next = await chunks.next();
      file.complete = next.done === true;
      const bytes = next.done ? Buffer.alloc(0) : next.value;
      file.held = Buffer.concat([file.held, bytes]);
      return bytes;
    },
    take(size: number): Buffer {
      const bytes = file.held.subarray(0, size);
      file.held = file.held.subarray(size);
      return bytes;
    },
    async skipLine(): Promise<void> {
      let end = endOfLine(file.held);
      while (end === null && !file.complete) {
        // The last byte may be the first half of a line's end.
        file.take(file.held.length - 1);
        await file.read();
        end = endOfLine(file.held);
      }
      file.take(end ?? file.held.length);
    },
  };
  return file;
}

/** A record and its size in bytes, with the end of its line. */
interface ParsedRecord {
  readonly cells: readonly string[];
  readonly size: number;
}

/** Returns a parser that stops at the first record that it cannot read. */
function openParser(separator: string) {
  let records: ParsedRecord[] = [];
  let begin = 0;
  const parser = new Parser({
    delimiter: separator,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    trim: true,
    // Keeps the records out of the stream, which would stop parsing when it is full.
    on_record: (cells: string[], { bytes }) => {
      records.push({ cells, size: bytes - begin });
      begin = bytes;
      return null;
    },
  });
  // Without a listener the error would be thrown; the callbacks of write and end receive it.
  parser.on('error', () => undefined);
  return {
    async parse(
      bytes: Buffer,
      complete: boolean,
    ): Promise<{ records: readonly ParsedRecord[]; error: CsvError | null }> {
      records = [];
      const error = await new Promise<Error | null | undefined>((resolve) => {
        if (complete) parser.end(bytes, resolve as () => void);
        else parser.write(bytes, resolve);
      });
      return { records, error: (error as CsvError | null | undefined) ?? null };
    },
  };
}

/** The message of the parser contains cells of the record: only its code and column are shown. */
function problemOf({ code, column }: CsvError): string {
  return `has wrong quotes in column ${Number(column) + 1} (${code})`;
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at < bytes.length; at += 1)
    if (bytes[at] === lineFeed || (bytes[at] === carriageReturn && bytes[at + 1] !== lineFeed)) count += 1;
  return count;
}

/** Returns the position after the first line end, or null when it may be in the bytes that follow. */
function endOfLine(bytes: Buffer): number | null {
  const at = bytes.findIndex((byte) => byte === lineFeed || byte === carriageReturn);
  if (at < 0) return null;
  if (bytes[at] === lineFeed) return at + 1;
  if (at + 1 === bytes.length) return null;
  return bytes[at + 1] === lineFeed ? at + 2 : at + 1;
}
