import { QueryFailedError } from 'typeorm';
import { isInputAtFault, isRetryable, isRolledBackForOne } from '../../../src/postgres/failed-write';

/** An error as the driver throws it, as TypeORM wraps it, and as the cause of another. */
const failures = (code: string) => [
  Object.assign(new Error(), { code }),
  Object.assign(new Error(), { driverError: { code } }),
  new Error('wrapped', { cause: Object.assign(new Error(), { code }) }),
];

describe('isRetryable', () => {
  it.each(['40P01', '40001', '23503'])(
    'returns true for SQLSTATE %s, a conflict between transactions',
    (code) => {
      expect(failures(code).map(isRetryable)).toEqual([true, true, true]);
      expect(failures(code).map(isInputAtFault)).toEqual([false, false, false]);
    },
  );
});

describe('isInputAtFault', () => {
  it.each(['22003', '23514', '54000'])('returns true for SQLSTATE %s, an invalid value', (code) => {
    expect(failures(code).map(isInputAtFault)).toEqual([true, true, true]);
    expect(failures(code).map(isRetryable)).toEqual([false, false, false]);
  });

  it('returns true for an error without an SQLSTATE', () => {
    expect(isInputAtFault(new TypeError('bug'))).toBe(true);
  });

  it.each(['25006', '53100', '42P01', '57P01'])(
    'returns false for SQLSTATE %s, a fault of PostgreSQL',
    (code) => {
      expect(failures(code).map(isInputAtFault)).toEqual([false, false, false]);
    },
  );
});

describe('isRolledBackForOne', () => {
  it.each([
    ['23505', true],
    ['40001', true],
    ['40P01', true],
    ['55P03', true],
    ['57014', false],
    ['57P01', false],
    ['ECONNRESET', false],
  ])('returns for the code %s: %s', (code, expected) => {
    const thrown = Object.assign(new Error('failed'), { code });
    expect(isRolledBackForOne(thrown)).toBe(expected);
    expect(isRolledBackForOne(new QueryFailedError('SELECT 1', [], thrown))).toBe(expected);
  });
});
