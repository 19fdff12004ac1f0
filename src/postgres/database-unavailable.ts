import { isNativeError } from 'node:util/types';

/** PostgreSQL could not serve the call now; a retry may succeed. */
export class DatabaseUnavailableError extends Error {
  override name = 'DatabaseUnavailableError';
  constructor(options?: ErrorOptions) {
    super('PostgreSQL is unavailable.', options);
  }
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

const sqlstates = new Set([
  '25P03', // idle_in_transaction_session_timeout
  '40P01', // deadlock_detected: a retry of the rolled-back transaction may succeed
  '53300', // too_many_connections
  '55P03', // lock_not_available: lock_timeout
  '57014', // query_canceled: statement_timeout
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now: starting up or in recovery
]);

const connectionException = /^08[0-9A-Z]{3}$/;

// The driver and its pool throw these as plain errors without a code.
const driverMessages = [
  /^(Error: )?Connection terminated/,
  /^(Error: )?timeout exceeded when trying to connect/,
  /^(Error: )?timeout expired$/,
  /^(Error: )?Query read timeout/,
  /^(Error: )?Client has encountered a connection error/,
  /^(Error: )?Client was closed and is not queryable/,
  /^(Error: )?Cannot use a pool after calling end/,
];

/**
 * Returns true if PostgreSQL could not serve the call (unreachable, starting, full, too slow, deadlocked), so that a
 * retry may succeed; false for any other error. Also checks the errors inside TypeORM's and aggregate errors.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  return isUnavailableAt(error, 0);
}

function isUnavailableAt(error: unknown, depth: number): boolean {
  // Not `instanceof Error`: in a process with several realms, errors of sockets belong to another inner.
  if (!isNativeError(error) || depth > 4) return false;
  if (error instanceof DatabaseUnavailableError) return true;
  const { code, driverError, errors } = error as { code?: unknown; driverError?: unknown; errors?: unknown };
  if (typeof code === 'string') {
    if (networkCodes.has(code) || sqlstates.has(code) || connectionException.test(code)) return true;
  } else if (driverMessages.some((message) => message.test(error.message))) {
    return true;
  }
  if (error.name === 'CannotExecuteNotConnectedError') return true;
  // A host with several addresses fails with inner error per address.
  if (Array.isArray(errors)) return errors.some((inner) => isUnavailableAt(inner, depth + 1));
  return isUnavailableAt(driverError, depth + 1);
}
