const unitsPerOne = 10_000n;

/** Converts an exact decimal of at most four places, such as `0.3` or `-0.3`, to ten-thousandths. */
export function toUnits(amount: string): bigint {
  if (amount.startsWith('-')) return -toUnits(amount.slice(1));
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole) * unitsPerOne + BigInt(fraction.padEnd(4, '0'));
}

/** Converts ten-thousandths to a decimal without trailing zeros: `0.3`, `100`, `-2.5`. */
export function fromUnits(units: bigint): string {
  if (units < 0n) return `-${fromUnits(-units)}`;
  const fraction = String(units % unitsPerOne)
    .padStart(4, '0')
    .replace(/0+$/, '');
  return `${units / unitsPerOne}${fraction === '' ? '' : `.${fraction}`}`;
}
