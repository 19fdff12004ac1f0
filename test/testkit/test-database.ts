import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { testRun } from './test-run';

/** A database of one test file. */
export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

const prefix = 'user_service_test_';
const leftoverAgeSeconds = 3_600;

/** Creates a database with the service's schema: a clone of the run's migrated template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const adminUrl = process.env['TEST_DATABASE_URL'] ?? '';
  const name = `${databasePrefixOf(testRun())}${randomBytes(4).toString('hex')}`;
  await query(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${templateOf(testRun())}`);
  return {
    url: urlOf(adminUrl, name),
    drop: () => query(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).then(() => undefined),
  };
}

/**
 * Returns the URL of a database without PgBouncer, for tests that need another role, or that hold or count sessions of
 * PostgreSQL.
 */
export function serverUrlOf(databaseUrl: string): string {
  const serverUrl = process.env['TEST_DATABASE_SERVER_URL'];
  return serverUrl ? urlOf(serverUrl, new URL(databaseUrl).pathname.slice(1)) : databaseUrl;
}

/** A copy of a database. */
export interface DatabaseBackup {
  /** Replaces the database by the copy. Terminates open connections. */
  restore(): Promise<void>;
  drop(): Promise<void>;
}

/** Copies a database. Terminates open connections. */
export async function backUp(url: string): Promise<DatabaseBackup> {
  const adminUrl = process.env['TEST_DATABASE_URL'] ?? '';
  const name = new URL(url).pathname.slice(1);
  const copy = async (from: string, to: string) => {
    await query(adminUrl, `ALTER DATABASE ${from} WITH ALLOW_CONNECTIONS false`);
    await query(
      adminUrl,
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${from}'`,
    );
    await query(adminUrl, `CREATE DATABASE ${to} TEMPLATE ${from}`);
    await query(adminUrl, `ALTER DATABASE ${from} WITH ALLOW_CONNECTIONS true`);
  };
  const drop = (which: string) => query(adminUrl, `DROP DATABASE IF EXISTS ${which} WITH (FORCE)`);
  await copy(name, `${name}_backup`);
  return {
    async restore() {
      await drop(name);
      await copy(`${name}_backup`, name);
    },
    drop: () => drop(`${name}_backup`).then(() => undefined),
  };
}

/** Creates the template from which the databases of a run are cloned, and migrates it. */
export async function createTemplate(
  adminUrl: string,
  run: string,
  migrate: (url: string) => Promise<void>,
): Promise<void> {
  const name = templateOf(run);
  await query(adminUrl, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  await migrate(urlOf(adminUrl, name));
  // PostgreSQL clones a database only if it has no connections.
  await query(adminUrl, `ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
  // PgBouncer keeps its connections open.
  await query(
    adminUrl,
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${name}'`,
  );
}

/** Drops the databases of this run, and those older than an hour that crashed runs left. */
export async function dropTestDatabases(adminUrl: string, run: string): Promise<void> {
  const rows = await query(adminUrl, `SELECT datname FROM pg_database WHERE datname LIKE '${prefix}%'`);
  for (const name of rows.map(([datname]) => String(datname))) {
    const ageSeconds = Date.now() / 1000 - Number(name.slice(prefix.length).split('_')[0]);
    if (name.startsWith(databasePrefixOf(run)) || ageSeconds > leftoverAgeSeconds) {
      await query(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }
  }
}

function databasePrefixOf(run: string): string {
  return `${prefix}${run}_`;
}

function templateOf(run: string): string {
  return `${databasePrefixOf(run)}template`;
}

function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}

async function query(url: string, text: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}
