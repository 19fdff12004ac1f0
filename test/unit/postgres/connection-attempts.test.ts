import { ConnectionAttempts } from '../../../src/postgres/connection-attempts';
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
