import { isDatabaseUnavailable } from '../postgres/database-unavailable';

/** SQLSTATE classes that blame what was sent: data exceptions, integrity, limits of a row or an index. */
const blamingClasses = ['22', '23', '54'];
/** Another transaction came between: deadlock, serialization, and a user who was removed meanwhile. */
const passingStates = ['40P01', '40001', '23503'];

/**
 * True when the same events fail again whatever happens to PostgreSQL. Everything that may be its own trouble (away,
 * read-only, out of space, not migrated yet) is not: parking for that would empty the queue into the parked messages.
 */
export function isEventAtFault(error: unknown): boolean {
  if (isDatabaseUnavailable(error) || isWorthAnotherTry(error)) return false;
  const state = sqlState(error);
  return state === null || blamingClasses.includes(state.slice(0, 2));
}

/** True when the same transaction may well succeed at once. */
export function isWorthAnotherTry(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && passingStates.includes(state);
}

function sqlState(error: unknown): string | null {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: unknown };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  return driverError === undefined ? null : sqlState(driverError);
}
