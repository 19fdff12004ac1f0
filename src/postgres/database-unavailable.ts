import { isNativeError } from 'node:util/types';

/** PostgreSQL is away, frozen or out of connections; the same call may work a moment later. */
export class DatabaseUnavailableError extends Error {
  override name = 'DatabaseUnavailableError';
  constructor(options?: ErrorOptions) {
    super('PostgreSQL does not answer', options);
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
  '40P01', // deadlock_detected: two changes crossed, and the same one works a moment later
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
 * True when an error says that PostgreSQL could not be asked (away, starting, full, too slow), so that the same
 * request may succeed later; false for everything that would fail again. Looks through TypeORM's wrapping.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  return someLayer(error, 0);
}

function someLayer(error: unknown, depth: number): boolean {
  // Not instanceof: errors of sockets come from another realm where the process runs several.
  if (!isNativeError(error) || depth > 4) return false;
  if (error instanceof DatabaseUnavailableError) return true;
  const { code, driverError, errors } = error as { code?: unknown; driverError?: unknown; errors?: unknown };
  if (typeof code === 'string') {
    if (networkCodes.has(code) || sqlstates.has(code) || connectionException.test(code)) return true;
  } else if (driverMessages.some((message) => message.test(error.message))) {
    return true;
  }
  if (error.name === 'CannotExecuteNotConnectedError') return true;
  // A host with several addresses fails with one error for each.
  if (Array.isArray(errors)) return errors.some((one) => someLayer(one, depth + 1));
  return someLayer(driverError, depth + 1);
}
