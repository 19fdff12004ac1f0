import {
  countParser,
  parseGraceDays,
  parseIdArgument,
  parseTimeArgument,
} from '../../../src/commands/arguments';

const id = '01975a5e-1111-7000-8000-0000000000ad';
const day = new Date('2026-03-01T00:00:00Z');

it.each<[string, (text: string) => unknown, [string, unknown][], string[]]>([
  ['parseIdArgument', parseIdArgument, [[` ${id.toUpperCase()} `, id]], ['', 'me', id.slice(1)]],
  [
    'countParser',
    countParser(90),
    [
      ['1', 1],
      ['90', 90],
    ],
    ['0', '-1', '91', '1.5', '', 'many'],
  ],
  ['countParser without a maximum', countParser(), [['9007199254740991', 2 ** 53 - 1]], ['9007199254740992']],
  [
    'parseGraceDays',
    parseGraceDays,
    [
      ['0', 0],
      ['1', 1],
      ['90', 90],
    ],
    ['-1', '91', '', '0.5'],
  ],
  [
    'parseTimeArgument',
    parseTimeArgument,
    [
      ['2026-03-01', day],
      ['2026-03-01T01:00:00+01:00', day],
    ],
    ['', '1772323200000', 'March 1, 2026', '2026-13-01'],
  ],
])('%s accepts its range and throws for anything else', (_name, parse, accepted, refused) => {
  for (const [text, value] of accepted) expect([text, parse(text)]).toEqual([text, value]);
  for (const text of refused) expect(() => parse(text)).toThrow();
});
