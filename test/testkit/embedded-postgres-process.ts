import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres';

// A service reduced to its embedded PostgreSQL, for tests that kill it: prints the URL, then stays.
const dataDirectory = process.argv[2] ?? '';
startEmbeddedPostgres({ dataDirectory, settings: { fsync: 'off' } }).then(
  ({ url }) => {
    process.stdout.write(`${url}\n`);
    setInterval(() => undefined, 60_000);
  },
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 1;
  },
);
