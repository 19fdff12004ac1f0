import fc from 'fast-check';
import { readCsvRecords } from '../../../../src/commands/bulk/csv-records';
import { maxRowBytes, notUtf8 } from '../../../../src/commands/bulk/source-row';

async function* inChunks(text: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string | Buffer, chunkSize = 7): Promise<unknown[]> {
  const records: unknown[] = [];
  for await (const record of readCsvRecords(inChunks(text, chunkSize), ','))
    records.push(
      'cells' in record
        ? [record.line, ...record.cells.map(String)]
        : [record.line, { problem: record.problem }],
    );
  return records;
}

const problem = { problem: expect.any(String) };
const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

describe('readCsvRecords', () => {
  it('returns quoted cells unchanged for any size of chunks', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'ü', '"', ',', '\n', '\r', ' ') });
    const table = fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
    const end = fc.constantFrom('\n', '\r\n');
    await fc.assert(
      fc.asyncProperty(
        table,
        end,
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (rows, eol, last, size) => {
          const text = rows.map((cells) => cells.map(quoted).join(',')).join(eol) + (last ? eol : '');
          const records = await read(text, size);
          const cells = records.map((it) => (it as unknown[]).slice(1));
          // An empty last line cannot be distinguished from no line.
          expect(cells).toEqual(text === eol || text === '' ? cells : rows);
        },
      ),
    );
  });

  it('returns the line where each record begins', async () => {
    expect(await read('\uFEFFa,b\r\n"1\r\n2",x\r\n\r\n3,"y"')).toEqual([
      [1, 'a', 'b'],
      [2, '1\r\n2', 'x'],
      [4, ''],
      [5, '3', 'y'],
    ]);
  });

  it('ends records at LF, CRLF and CR, also in one file and between two chunks', async () => {
    for (const size of [1, 2, 3, 100])
      expect(await read('a,b\r\n1,2\n3,4\r5,"6\r7"\r\r\n8,9', size)).toEqual([
        [1, 'a', 'b'],
        [2, '1', '2'],
        [3, '3', '4'],
        [4, '5', '6\r7'],
        [6, ''],
        [7, '8', '9'],
      ]);
  });

  it('trims cells outside their quotes', async () => {
    expect(await read('a, "Ann" ,\t b c ,"  d "\n')).toEqual([[1, 'a', 'Ann', 'b c', '  d ']]);
    expect(await read('Forl\u00e0,\u00a0x\u00a0\n', 1)).toEqual([[1, 'Forl\u00e0', 'x']]);
  });

  it('names the column and the code of wrong quotes, and no cell', async () => {
    const records = await read('a,b\nann@example.com,"Ann"Lee,secret\n"ann@example.com\n');
    expect(records).toEqual([
      [1, 'a', 'b'],
      [2, { problem: 'has wrong quotes in column 2 (CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE)' }],
      [3, { problem: 'has wrong quotes in column 1 (CSV_QUOTE_NOT_CLOSED)' }],
    ]);
  });

  it('names the row that is not UTF-8', async () => {
    const latin1 = Buffer.from('a\nJos\u00e9\nb\n', 'latin1');
    expect(await read(latin1)).toEqual([
      [1, 'a'],
      [2, { problem: notUtf8 }],
      [3, 'b'],
    ]);
    // A replacement character that the file itself contains is text.
    expect(await read('Jos\ufffd\n')).toEqual([[1, 'Jos\ufffd']]);
  });

  it('keeps NUL bytes in cells', async () => {
    expect(await read('a\0b,c\n')).toEqual([[1, 'a\0b', 'c']]);
    expect(await read('"a"\0,c\nd\n')).toEqual([
      [1, problem],
      [2, 'd'],
    ]);
  });

  it('returns a quote inside an unquoted cell literally', async () => {
    expect(await read('5" pipe,x\n')).toEqual([[1, '5" pipe', 'x']]);
  });

  it.each([
    ['text after a closing quote', 'a\n"b"c,d\ne\n', 2],
    ['a quote that is never closed', 'a\n"b,c\ne\n', 2],
  ])('returns a problem for one line with %s, and reads on', async (_, text, line) => {
    expect(await read(text)).toEqual([
      [1, 'a'],
      [line, problem],
      [3, 'e'],
    ]);
  });

  it('returns a problem for one line with a row that is too long, and reads on', async () => {
    const long = 'x'.repeat(maxRowBytes + 1);
    const rows = [
      [1, 'a'],
      [2, problem],
      [3, 'e'],
    ];
    expect(await read(`a\n${long}\ne\n`, 1_000)).toEqual(rows);
    expect(await read(`a\n"${long}"\ne\n`, 1_000)).toEqual(rows);
    expect(await read(`a\n"${long}"\ne\n`, 1_000_000)).toEqual(rows);
    const others = `${'f'.repeat(1_000)}\n`.repeat(70);
    expect(await read(`a\n"b\ne\n${others}`, 1_000)).toHaveLength(3 + 70);
    expect(await read(`a\n${','.repeat(maxRowBytes + 1)}\ne\n`, 1_000)).toEqual(rows);
  });
});
