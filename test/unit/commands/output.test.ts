import { countOf, createProgress, printable, printableInLine, printLine } from '../../../src/commands/output';

test('printLine rejects with the error of a failed write', async () => {
  const failure = new Error('write EPIPE');
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((_text, done) => {
    (done as unknown as (error: Error) => void)(failure);
    return false;
  });
  await expect(printLine('a result')).rejects.toBe(failure);
  write.mockRestore();
});

it('printable escapes characters that control a terminal or reorder text', () => {
  expect(printable('a\u001b[2J\u009b1m\u007f\u202eb\r\n')).toBe(
    'a\\u001b[2J\\u009b1m\\u007f\\u202eb\\u000d\n',
  );
});

it('printable keeps the meaning of a JSON document', () => {
  const document = { body: 'é\u001b\u009b\u202e😀\n' };
  const text = printable(JSON.stringify(document, null, 2));
  expect(text).not.toMatch(/[\u001b\u009b\u202e]/u);
  expect(JSON.parse(text)).toEqual(document);
});

it('printableInLine escapes line feeds', () => {
  expect(printableInLine('one\ntwo')).toBe('one\\u000atwo');
});

it.each([
  [0, 'users', '0 users'],
  [1, 'users', '1 user'],
  [1, 'history entries', '1 history entry'],
  [2, 'history entries', '2 history entries'],
])('countOf %i %s returns %s', (count, nouns, text) => {
  expect(countOf(count, nouns)).toBe(text);
});

describe('createProgress', () => {
  const isTty = process.stderr.isTTY;
  let nowMs: number;
  let written: string[];
  beforeEach(() => {
    nowMs = 1_000;
    written = [];
    jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    process.stderr.isTTY = isTty;
  });

  it('prints a line at most once in five seconds, and nothing at the end', () => {
    process.stderr.isTTY = false;
    const progress = createProgress('users', 4);
    for (const [afterMs, count] of [
      [5_000, 1],
      [1, 1],
      [5_000, 1],
      [1, 1],
    ] as const) {
      nowMs += afterMs;
      progress.advance(count);
    }
    progress.finish();
    expect(written).toEqual(['2 of 4 users\n', '4 of 4 users\n']);
  });

  it('draws a bar in a terminal at most ten times a second, and completes it', () => {
    process.stderr.isTTY = true;
    const progress = createProgress('users', 10);
    for (const afterMs of [101, 100, 1]) {
      nowMs += afterMs;
      progress.advance();
    }
    progress.advance(7);
    progress.finish();
    const bar = (filled: number) => `[${'#'.repeat(filled)}${'.'.repeat(30 - filled)}]`;
    expect(written).toEqual([
      `\r${bar(3)} 1 of 10 users`,
      `\r${bar(9)} 3 of 10 users`,
      `\r${bar(30)} 10 of 10 users`,
      '\n',
    ]);
  });

  it('has no bar without a total, and a full one without units', () => {
    process.stderr.isTTY = true;
    const unknown = createProgress('bytes', null);
    unknown.advance(5);
    unknown.finish();
    createProgress('users', 0).finish();
    expect(written).toEqual(['\r5 bytes', '\n', `\r[${'.'.repeat(30)}] 0 of 0 users`, '\n']);
  });
});
