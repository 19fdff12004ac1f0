import { chmodSync, mkdirSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { findEmbeddedAccount } from './embedded-account';
import { findEmbeddedBinaries } from './embedded-binaries';
import {
  clusterPath,
  embeddedUser,
  prepareCluster,
  readEmbeddedPassword,
  readPostmaster,
} from './embedded-cluster';
import { EmbeddedPostgresError, EmbeddedPostgresInUseError } from './embedded-errors';
import { findOwner, lockDirectory } from './embedded-lock';
import { EmbeddedServer } from './embedded-server';

export interface EmbeddedPostgresOptions {
  /** Directory of the data; created if missing. */
  readonly dataDirectory: string;
  /** Port on 127.0.0.1; defaults to a free one. */
  readonly port?: number;
  /** PostgreSQL settings such as `fsync`, which override the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called with one sentence for each repair, such as the restart of a server that ended, or for a failed one. */
  readonly log?: (line: string) => void;
}

/** A running embedded PostgreSQL. */
export interface EmbeddedPostgres {
  /** `postgresql://user:password@127.0.0.1:port/user_service`; it does not change while the server runs. */
  readonly url: string;
  /** Stops the server within 8 s and releases the directory. Committed data is kept for the next start. */
  stop(): Promise<void>;
}

const database = 'user_service';
const joinLimitMs = 60_000;

/**
 * Starts a PostgreSQL server from the binaries that npm installed. Resolves when it accepts connections to the
 * database `user_service`. Data is kept in `dataDirectory`, and after a crash the next start recovers it. The server
 * listens only on 127.0.0.1, requires a random password, and stops when this process ends in any way.
 *
 * @throws EmbeddedPostgresInUseError when a running process holds the directory.
 * @throws EmbeddedPostgresError when there are no binaries for this platform, or PostgreSQL does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { settings = {}, port = null, log = () => undefined } = options;
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 });
  chmodSync(options.dataDirectory, 0o700);
  const directory = realpathSync(options.dataDirectory);
  const unlock = await lockDirectory(directory);
  try {
    const binaries = await findEmbeddedBinaries(join(directory, 'links'));
    const account = findEmbeddedAccount(binaries, directory);
    const logFile = join(directory, 'postgres.log');
    await rm(logFile, { force: true });
    await prepareCluster({ directory, binaries, account, durable: settings['fsync'] !== 'off', log });
    const password = await readEmbeddedPassword(directory);
    const server = new EmbeddedServer({
      cluster: clusterPath(directory),
      logFile,
      port,
      settings,
      binaries,
      account,
      log,
    });
    try {
      await server.start();
      await createDatabase(urlOf(password, server.port, 'postgres'));
    } catch (error) {
      await server.stop();
      throw error;
    }
    const stop = async () => {
      await server.stop();
      await unlock();
    };
    let stopped: Promise<void> | null = null;
    return {
      url: urlOf(password, server.port, database),
      stop: () => {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/**
 * Returns the embedded PostgreSQL for a command that may run in parallel with the service. If another process runs a
 * server in the directory, returns that one, which keeps running after `stop`. Otherwise starts one as
 * `startEmbeddedPostgres` does, which ends with this process even if others have joined it.
 *
 * @throws EmbeddedPostgresError when the other server does not become ready within 60 s, or no server can be started.
 */
export async function joinEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const deadline = Date.now() + joinLimitMs;
  for (;;) {
    try {
      return await startEmbeddedPostgres(options);
    } catch (error) {
      if (!(error instanceof EmbeddedPostgresInUseError)) throw error;
      const url = await waitForServer(error.directory, deadline);
      if (url !== null) return { url, stop: () => Promise.resolve() };
    }
  }
}

/** Returns the URL of the owner's server when it is ready, or null when the directory has no owner any more. */
async function waitForServer(directory: string, deadline: number): Promise<string | null> {
  const cluster = clusterPath(directory);
  while ((await findOwner(directory)) !== null) {
    const postmaster = await readPostmaster(cluster);
    if (postmaster?.ready) {
      const url = urlOf(await readEmbeddedPassword(directory), postmaster.port, database);
      if (await canConnect(url)) return url;
    }
    if (Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        `The embedded PostgreSQL in ${directory} runs but did not become ready in time.`,
      );
    }
    await delay(50);
  }
  return null;
}

function urlOf(password: string, port: number, databaseName: string): string {
  return `postgresql://${embeddedUser}:${password}@127.0.0.1:${port}/${databaseName}`;
}

/** Creates the database `user_service` if it does not exist. */
async function createDatabase(url: string): Promise<void> {
  const client = await connect(url);
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${database}`);
  } finally {
    await client.end();
  }
}

async function canConnect(url: string): Promise<boolean> {
  try {
    await (await connect(url)).end();
    return true;
  } catch {
    return false;
  }
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, ssl: false, connectionTimeoutMillis: 5_000 });
  // An 'error' without a listener would end the process when PostgreSQL is killed.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
