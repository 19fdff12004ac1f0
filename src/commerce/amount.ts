const unitsPerOne = 10_000n;

/** An exact decimal of at most four places, such as `0.3`, counted in ten-thousandths. */
export function toUnits(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole) * unitsPerOne + BigInt(fraction.padEnd(4, '0'));
}

/** The decimal of so many ten-thousandths, zero or more, without trailing zeros: `0.3`, `100`. */
export function fromUnits(units: bigint): string {
  const fraction = String(units % unitsPerOne)
    .padStart(4, '0')
    .replace(/0+$/, '');
  return `${units / unitsPerOne}${fraction === '' ? '' : `.${fraction}`}`;
}
