import { isDatabaseUnavailable } from './database-unavailable';

/** SQLSTATE classes of invalid values: data exceptions, integrity violations, limits of a row or an index. */
const invalidValueClasses = ['22', '23', '54'];
/** Conflicts with another transaction: deadlock, serialization failure, foreign key of a user removed since. */
const conflictStates = ['40P01', '40001', '23503'];
const lockTimeout = '55P03';

/**
 * True if the same events will fail again. An error without an SQLSTATE counts as the events' fault. False for faults
 * of PostgreSQL (unavailable, read-only, out of space, not migrated): parking then would park the whole queue.
 */
export function isInputAtFault(error: unknown): boolean {
  if (isDatabaseUnavailable(error) || isRetryable(error)) return false;
  const state = sqlState(error);
  return state === null || invalidValueClasses.includes(state.slice(0, 2));
}

/** True if the same transaction may succeed when it is retried immediately. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && conflictStates.includes(state);
}

/**
 * True if a transaction that wrote for several callers was rolled back, and may succeed for some of them. False if
 * PostgreSQL is unavailable: then its outcome may be unknown, as after a lost connection.
 */
export function isRolledBackForOne(error: unknown): boolean {
  return !isDatabaseUnavailable(error) || isRetryable(error) || sqlState(error) === lockTimeout;
}

function sqlState(error: unknown): string | null {
  const { code, driverError, cause } = (error ?? {}) as {
    code?: unknown;
    driverError?: unknown;
    cause?: unknown;
  };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  const inner = driverError ?? cause;
  return inner === undefined ? null : sqlState(inner);
}
