import { fromUnits, toUnits } from '../../../src/commerce/amount';

describe('amounts', () => {
  it.each([
    ['0', 0n],
    ['100', 1_000_000n],
    ['0.3000', 3_000n],
    ['007.5', 75_000n],
    ['12.3456', 123_456n],
    ['0.0001', 1n],
    ['-2.5', -25_000n],
    ['-0.25', -2_500n],
    ['100000000000000000000.0001', 1_000_000_000_000_000_000_000_001n],
  ])('toUnits converts %s to %s ten-thousandths', (amount, units) => {
    expect(toUnits(amount)).toBe(units);
  });

  it.each([
    [0n, '0'],
    [1_000_000n, '100'],
    [3_000n, '0.3'],
    [75_000n, '7.5'],
    [1n, '0.0001'],
    [-25_000n, '-2.5'],
    [-2_500n, '-0.25'],
    [1_000_000_000_000_000_000_000_001n, '100000000000000000000.0001'],
  ])('fromUnits converts %s ten-thousandths to %s without trailing zeros', (units, amount) => {
    expect(fromUnits(units)).toBe(amount);
  });
});
