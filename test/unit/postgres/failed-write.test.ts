import { isInputAtFault, isRetryable } from '../../../src/postgres/failed-write';

/** An error as the driver throws it, and as TypeORM wraps it. */
const failures = (code: string) => [
  Object.assign(new Error(), { code }),
  Object.assign(new Error(), { driverError: { code } }),
];

describe('isRetryable', () => {
  it.each(['40P01', '40001', '23503'])(
    'returns true for SQLSTATE %s, a conflict between transactions',
    (code) => {
      expect(failures(code).map(isRetryable)).toEqual([true, true]);
      expect(failures(code).map(isInputAtFault)).toEqual([false, false]);
    },
  );
});

describe('isInputAtFault', () => {
  it.each(['22003', '23514', '54000'])('returns true for SQLSTATE %s, an invalid value', (code) => {
    expect(failures(code).map(isInputAtFault)).toEqual([true, true]);
    expect(failures(code).map(isRetryable)).toEqual([false, false]);
  });

  it('returns true for an error without an SQLSTATE', () => {
    expect(isInputAtFault(new TypeError('bug'))).toBe(true);
  });

  it.each(['25006', '53100', '42P01', '57P01'])(
    'returns false for SQLSTATE %s, a fault of PostgreSQL',
    (code) => {
      expect(failures(code).map(isInputAtFault)).toEqual([false, false]);
    },
  );
});
