const utf8ByteOrderMark = Buffer.from('\uFEFF');
const utf16ByteOrderMarks = [
  { mark: Buffer.from([0xff, 0xfe]), encoding: 'utf-16le' },
  { mark: Buffer.from([0xfe, 0xff]), encoding: 'utf-16be' },
];
const shortestSample = 4;

/**
 * Yields the bytes of a file in UTF-8, without a leading byte order mark. A file in UTF-16 with a byte order mark is
 * converted; all other bytes are yielded as they are, even if they are not UTF-8.
 *
 * @throws Error when the file is UTF-16 without a byte order mark, or broken UTF-16
 */
export async function* readAsUtf8(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  let beginning = Buffer.alloc(0);
  for (let next; beginning.length < shortestSample && !(next = await chunks.next()).done; )
    beginning = Buffer.concat([beginning, next.value]);
  if (isUtf16WithoutMark(beginning))
    throw new Error('the file is UTF-16 without a byte order mark: save it as UTF-8');
  const encoding = utf16ByteOrderMarks.find(({ mark }) => startsWith(beginning, mark))?.encoding;
  const all = concatenated(beginning, chunks);
  if (encoding) yield* converted(all, encoding);
  else yield* all;
}

function startsWith(bytes: Buffer, mark: Buffer): boolean {
  return bytes.subarray(0, mark.length).equals(mark);
}

/** The names of columns and the braces of JSON are ASCII: in UTF-16 each has one byte that is zero. */
function isUtf16WithoutMark(beginning: Buffer): boolean {
  if (beginning.length < shortestSample) return false;
  const [first, second, third, fourth] = [...beginning].map((byte) => byte === 0);
  return first === third && second === fourth && first !== second;
}

async function* concatenated(beginning: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield startsWith(beginning, utf8ByteOrderMark) ? beginning.subarray(utf8ByteOrderMark.length) : beginning;
  for (let next; !(next = await rest.next()).done; ) yield next.value;
}

async function* converted(source: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for await (const chunk of source) yield Buffer.from(decoder.decode(chunk, { stream: true }));
    yield Buffer.from(decoder.decode());
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error;
    throw new Error('the file is not valid UTF-16: save it as UTF-8', { cause: error });
  }
}
