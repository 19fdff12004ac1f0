import { PositionSet } from '../../../src/audit/position-set';

describe('PositionSet', () => {
  it('add returns true for a position once', () => {
    const positions = new PositionSet();
    const added = ['1', '2', '65536', '9223372036854775807'];
    expect(added.map((it) => positions.add(it))).toEqual([true, true, true, true]);
    expect(added.map((it) => positions.add(it))).toEqual([false, false, false, false]);
  });

  it('add distinguishes positions that differ in one bit', () => {
    for (let bit = 0n; bit < 63n; bit += 1n) {
      const positions = new PositionSet();
      expect(positions.add('0')).toBe(true);
      expect(positions.add(String(1n << bit))).toBe(true);
    }
  });
});
