import fc from 'fast-check';
import { readCsvRecords } from '../../../../src/commands/bulk/csv-records';
import { maxRowBytes } from '../../../../src/commands/bulk/source-row';

async function* inChunks(text: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string | Buffer, chunkSize = 7): Promise<unknown[]> {
  const records: unknown[] = [];
  for await (const record of readCsvRecords(inChunks(text, chunkSize)))
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

  it('returns a quote inside an unquoted cell literally', async () => {
    expect(await read('5" pipe,x\n')).toEqual([[1, '5" pipe', 'x']]);
  });

  it.each([
    ['text after a closing quote', 'a\n"b"c,d\ne\n', 2],
    ['a quote that is never closed', 'a\n"b,c\ne\n', 2],
    ['a carriage return after a closing quote', 'a\n"b"\rc\ne\n', 2],
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
    expect(await read(`a\n"b\ne\n${'f\n'.repeat(maxRowBytes)}`, 1_000)).toHaveLength(3 + maxRowBytes);
  });
});
