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
  const startedAtMs = performance.now();
  const attempt = async () => {
    attempts += 1;
    if (attempts === 1) throw lost;
  };
  await new ConnectionAttempts(log).repeat({ attempt, signal: new AbortController().signal, limitMs: 5_000 });
  expect(attempts).toBe(2);
  expect(lines[0]).toContain('waiting for PostgreSQL');
  // Not after the pause that follows a migration at fault.
  expect(performance.now() - startedAtMs).toBeLessThan(5_000);
});

it('repeat logs each outage once for each reason, and its end', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  const attempts = new ConnectionAttempts(log, 'PostgreSQL replica-1');
  const { signal } = new AbortController();
  const [refused, starting] = [withCode('ECONNREFUSED', 'refused'), withCode('57P03', 'starting up')];
  for (const failures of [[refused, starting, starting], [starting], []]) {
    const attempt = async () => {
      const failure = failures.shift();
      if (failure) throw failure;
    };
    await attempts.repeat({ attempt, signal });
  }
  const waiting = { level: 'warn', msg: 'waiting for PostgreSQL replica-1' };
  const connected = { level: 'info', msg: 'connected to PostgreSQL replica-1' };
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { ...waiting, reason: 'ECONNREFUSED' },
    { ...waiting, reason: '57P03 starting up' },
    connected,
    { ...waiting, reason: '57P03 starting up' },
    connected,
  ]);
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
