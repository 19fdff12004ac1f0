import { maxRowBytes } from './source-row';

const separators = [',', ';', '\t'] as const;

/** Returns the separator of a CSV file, the most frequent one in its first line, and all bytes of the file. */
export async function detectSeparator(
  source: AsyncIterable<Buffer>,
): Promise<{ separator: string; all: AsyncIterable<Buffer> }> {
  const chunks = source[Symbol.asyncIterator]();
  let beginning = Buffer.alloc(0);
  let firstLine = '';
  for (let complete = false; !complete && firstLine === ''; ) {
    const next = await chunks.next();
    complete = next.done === true || beginning.length > maxRowBytes;
    if (!next.done) beginning = Buffer.concat([beginning, next.value]);
    firstLine = firstLineOf(beginning.toString('latin1'), complete);
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield beginning;
    for (let next; !(next = await chunks.next()).done; ) yield next.value;
  }
  return { separator: mostFrequentIn(firstLine), all: all() };
}

/** Returns the first line that is not blank, or an empty text when its end is missing. */
function firstLineOf(text: string, complete: boolean): string {
  const [line = '', ...others] = text.trimStart().split(/[\r\n]/, 2);
  return complete || others.length > 0 ? line : '';
}

function mostFrequentIn(line: string): string {
  const unquoted = line.replaceAll(/"[^"]*"/g, '');
  const countOf = (separator: string) => unquoted.split(separator).length;
  return separators.reduce((best, other) => (countOf(other) > countOf(best) ? other : best));
}
