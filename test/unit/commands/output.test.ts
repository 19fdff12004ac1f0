import { countOf, printable, printableInLine, printLine } from '../../../src/commands/output';

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
