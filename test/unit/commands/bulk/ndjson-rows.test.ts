import { readNdjsonRows } from '../../../../src/commands/bulk/ndjson-rows';
import { maxRowBytes, notUtf8 } from '../../../../src/commands/bulk/source-row';

async function read(text: string | Buffer, chunkSize = 5): Promise<unknown[]> {
  async function* chunks() {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize);
  }
  const rows: unknown[] = [];
  for await (const row of readNdjsonRows(chunks())) rows.push(row);
  return rows;
}

const wrong = (line: number, message: unknown) => ({
  line,
  fields: [{ path: 'line', code: 'INVALID_FORMAT', message }],
});

describe('readNdjsonRows', () => {
  it('returns the object of each line, with LF or CRLF, and with or without a final one', async () => {
    const rows = [
      { line: 1, record: { a: 'ü' } },
      { line: 3, record: { b: 2 } },
    ];
    expect(await read('{"a":"ü"}\n\n{"b":2}')).toEqual(rows);
    expect(await read('\uFEFF{"a":"ü"}\r\n \r\n{"b":2}\r\n', 1)).toEqual(rows);
  });

  it('returns a problem for a line that is not an object, not UTF-8 or too long, and reads on', async () => {
    const text = Buffer.concat([
      Buffer.from('[1]\nnull\n{"a":\n'),
      Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
      Buffer.from(`{"a":"${'x'.repeat(maxRowBytes)}"}\n{}\n`),
    ]);
    expect(await read(text, 1_000)).toEqual([
      wrong(1, 'is not a JSON object'),
      wrong(2, 'is not a JSON object'),
      wrong(3, 'is not a JSON object'),
      wrong(4, notUtf8),
      wrong(5, `has more than ${maxRowBytes} bytes`),
      { line: 6, record: {} },
    ]);
  });

  it('reads UTF-16 with a byte order mark and names it without one', async () => {
    const text = '{"a":"ü"}\n{"b":2}';
    const rows = [
      { line: 1, record: { a: 'ü' } },
      { line: 2, record: { b: 2 } },
    ];
    expect(await read(Buffer.from(`\uFEFF${text}`, 'utf16le'))).toEqual(rows);
    expect(await read(Buffer.from(`\uFEFF${text}`, 'utf16le').swap16())).toEqual(rows);
    await expect(read(Buffer.from(text, 'utf16le'))).rejects.toThrow('UTF-16 without a byte order mark');
  });

  it.each([[''], ['\uFEFF'], ['\n \r\n']])('says that the file %j is empty', async (text) => {
    await expect(read(text)).rejects.toThrow('the file is empty');
  });
});
