import { createReadStream } from 'node:fs';

const lineFeed = 0x0a;

/**
 * Yields the lines of a stream without the line feed that ends each of them. Yields null for a line of more than
 * `maxBytes`, which it does not keep in memory.
 *
 * Not `readline`: it also ends lines at U+2028 and U+2029, depending on the version of Node.js, but these characters
 * may be part of a JSON document.
 */
export async function* readLines(
  source: AsyncIterable<Buffer>,
  maxBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer | null> {
  let parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer) => {
    length += part.length;
    if (length <= maxBytes) parts.push(part);
    else parts = [];
  };
  const take = () => {
    const bytes = length <= maxBytes ? Buffer.concat(parts) : null;
    parts = [];
    length = 0;
    return bytes;
  };
  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      add(chunk.subarray(from, end));
      yield take();
      from = end + 1;
    }
    add(chunk.subarray(from));
  }
  if (length > 0) yield take();
}

/** Yields the lines of a UTF-8 file without limiting their length. A carriage return at the end of a line stays. */
export async function* readFileLines(path: string): AsyncGenerator<string> {
  for await (const line of readLines(createReadStream(path))) if (line) yield line.toString();
}
