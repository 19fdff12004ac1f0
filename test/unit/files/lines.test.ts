import { readLines } from '../../../src/files/lines';

async function linesOf(text: string, chunkSize: number, maxBytes?: number): Promise<(string | undefined)[]> {
  async function* chunks() {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize);
  }
  const lines: (string | undefined)[] = [];
  for await (const line of readLines(chunks(), maxBytes)) lines.push(line?.toString());
  return lines;
}

describe.each([1, 2, 3, 100])('readLines from chunks of %d bytes', (chunkSize) => {
  it.each([
    ['a last line without an end', 'a\nb', ['a', 'b']],
    ['a last line with an end', 'a\nb\n', ['a', 'b']],
    ['blank lines', '\na\n\n', ['', 'a', '']],
    ['nothing', '', []],
    ['carriage returns, which stay', 'a\r\nb\rc\r\n', ['a\r', 'b\rc\r']],
    [
      'other characters that separate lines in Unicode',
      'a\u2028b\u2029c\u0085d\ve\n',
      ['a\u2028b\u2029c\u0085d\ve'],
    ],
    ['characters of several bytes', 'ä€😀\n😀€ä', ['ä€😀', '😀€ä']],
  ])('yields %s', async (_what, text, lines) => {
    expect(await linesOf(text, chunkSize)).toEqual(lines);
  });

  it('yields null for a line of more than the maximum, and the lines behind it', async () => {
    expect(await linesOf('four\nfive5\n€\n€€', chunkSize, 4)).toEqual(['four', undefined, '€', undefined]);
  });
});
