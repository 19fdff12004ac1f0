import { isEventAtFault, isRetryable } from '../../../src/commerce/fold-failure';

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
      expect(failures(code).map(isEventAtFault)).toEqual([false, false]);
    },
  );
});

describe('isEventAtFault', () => {
  it.each(['22003', '23514', '54000'])('returns true for SQLSTATE %s, an invalid value', (code) => {
    expect(failures(code).map(isEventAtFault)).toEqual([true, true]);
    expect(failures(code).map(isRetryable)).toEqual([false, false]);
  });

  it('returns true for an error without an SQLSTATE', () => {
    expect(isEventAtFault(new TypeError('bug'))).toBe(true);
  });

  it.each(['25006', '53100', '42P01', '57P01'])(
    'returns false for SQLSTATE %s, a fault of PostgreSQL',
    (code) => {
      expect(failures(code).map(isEventAtFault)).toEqual([false, false]);
    },
  );
});
