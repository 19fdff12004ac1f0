import { storableJson } from '../../../src/parked/storable-json';

const stored = (value: unknown) => JSON.parse(storableJson(value));
const nested = (levels: number): unknown => (levels === 0 ? 'end' : [nested(levels - 1)]);

describe('storableJson', () => {
  it('returns JSON values unchanged, and other values as text or null', () => {
    const json = { text: 'a', number: 1.5, yes: true, none: null, list: [1, [2]], empty: '' };
    expect(stored(json)).toEqual(json);
    expect(
      stored({
        big: 2n ** 64n,
        time: new Date('2026-03-01T10:00:00Z'),
        noTime: new Date(Number.NaN),
        bytes: Buffer.from('a'),
        absent: undefined,
        call: () => 1,
        list: [undefined, 1],
      }),
    ).toEqual({
      big: '18446744073709551616',
      time: '2026-03-01T10:00:00.000Z',
      noTime: null,
      bytes: 'YQ==',
      list: [null, 1],
    });
    expect(storableJson(undefined)).toBe('null');
  });

  it('replaces NUL and unpaired surrogates in names and texts', () => {
    expect(stored({ 'a\0': ['\ud800'] })).toEqual({ 'a\ufffd': ['\ufffd'] });
  });

  it('stores 16 levels and not the next', () => {
    expect(stored(nested(16))).toEqual(nested(16));
    expect(JSON.stringify(stored(nested(17)))).toBe(`${'['.repeat(16)}"…"${']'.repeat(16)}`);
  });

  it('stores names of 256 and texts of 4,096 characters, and the beginning of longer ones', () => {
    const longest = { ['n'.repeat(256)]: 't'.repeat(4_096) };
    expect(stored(longest)).toEqual(longest);
    expect(stored({ ['n'.repeat(257)]: 't'.repeat(4_097) })).toEqual({
      [`${'n'.repeat(256)}…`]: `${'t'.repeat(4_096)}…`,
    });
  });

  it('stores 1,000 members in total and not the next', () => {
    const list = (length: number) => Array.from({ length }, (_, at) => at);
    expect(stored(list(1_000))).toEqual(list(1_000));
    expect(stored(list(1_001))).toEqual([...list(1_000), '…']);
    expect(stored({ one: list(997), two: 2, three: 3 })).toEqual({ one: list(997), two: 2, three: 3 });
    expect(stored({ one: list(998), two: 2, three: 3 })).toEqual({ one: list(998), two: 2, '…': '…' });
  });

  it('stores 65,536 characters of names and texts in total', () => {
    const texts = Array.from({ length: 20 }, () => 'x'.repeat(4_096));
    expect(stored(texts)).toEqual([...texts.slice(0, 16), '…']);
    const almost = ['x'.repeat(4_095), ...texts];
    expect(stored(almost)).toEqual(['x'.repeat(4_095), ...texts.slice(0, 15), 'x…', '…']);
  });
});
