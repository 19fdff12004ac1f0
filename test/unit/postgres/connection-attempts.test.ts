import { ConnectionAttempts, UnreachableError } from '../../../src/postgres/connection-attempts';
import { MigrationFailedError } from '../../../src/postgres/migration-failed';
import { createLogger } from '../../../src/telemetry/logger';

it('a connection that is lost during a migration is retried, also within a limit, and logged as unavailable', async () => {
  const lines: string[] = [];
  const log = createLogger({
    level: 'info',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const lost = new MigrationFailedError(
    'AddColour',
    Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
  );
  let attempts = 0;
  const attempt = async () => {
    attempts += 1;
    if (attempts === 1) throw lost;
  };
  await new ConnectionAttempts(log).repeat({ attempt, signal: new AbortController().signal, limitMs: 5_000 });
  expect(attempts).toBe(2);
  expect(lines[0]).toContain('waiting for PostgreSQL');
});

const failWith = (error: Error) => {
  const log = createLogger({ level: 'silent' });
  const attempts = new ConnectionAttempts(log).repeat({
    attempt: () => Promise.reject(error),
    signal: new AbortController().signal,
    limitMs: 0,
  });
  return attempts.then(
    () => null,
    (failure: Error) => ({ isUnreachable: failure instanceof UnreachableError, message: failure.message }),
  );
};
const withCode = (code: string, message: string) => Object.assign(new Error(message), { code });

it.each([
  ['a refused connection', withCode('ECONNREFUSED', 'connect ECONNREFUSED'), 'ECONNREFUSED'],
  ['a broken pipe', withCode('EPIPE', 'write EPIPE'), 'EPIPE write EPIPE'],
  ['a lost connection', withCode('08006', 'connection failure'), '08006 connection failure'],
  [
    'a connection that is not accepted in time',
    new Error('timeout exceeded when trying to connect'),
    'timeout exceeded when trying to connect',
  ],
])('repeat says that PostgreSQL could not be reached after %s', async (_what, error, reason) => {
  expect(await failWith(error)).toEqual({
    isUnreachable: true,
    message: `PostgreSQL could not be reached within 0 s (${reason}).`,
  });
});

it.each([
  [
    'a statement timeout',
    withCode('57014', 'canceling statement due to statement timeout'),
    '57014 canceling statement due to statement timeout',
  ],
  [
    'a lock timeout',
    withCode('55P03', 'canceling statement due to lock timeout'),
    '55P03 canceling statement due to lock timeout',
  ],
  [
    'a start of PostgreSQL',
    withCode('57P03', 'the database system is starting up'),
    '57P03 the database system is starting up',
  ],
  [
    'too many connections',
    withCode('53300', 'sorry, too many clients already'),
    '53300 sorry, too many clients already',
  ],
  ['a query without a response', new Error('Query read timeout'), 'Query read timeout'],
  [
    'a timeout of a migration',
    new MigrationFailedError('AddColour', withCode('57014', 'canceling statement')),
    'Migration AddColour failed: 57014 canceling statement',
  ],
])('repeat says that PostgreSQL was reached after %s', async (_what, error, reason) => {
  expect(await failWith(error)).toEqual({
    isUnreachable: false,
    message: `PostgreSQL was reached, but did not succeed within 0 s: ${reason}.`,
  });
});
