import { mkdirSync, realpathSync } from 'node:fs';
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
  /** Where the data is kept; made if it is not there. */
  readonly dataDirectory: string;
  /** The port on 127.0.0.1; a free one if left out. */
  readonly port?: number;
  /** PostgreSQL settings such as `fsync`, over the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Is told, in a sentence, of what had to be mended. */
  readonly log?: (line: string) => void;
}

/** A PostgreSQL that runs on this machine. */
export interface EmbeddedPostgres {
  /** `postgresql://user:password@127.0.0.1:port/user_service`; the same for as long as it runs. */
  readonly url: string;
  /** Stops it within 8 s; what is committed is there at the next start. */
  stop(): Promise<void>;
}

const database = 'user_service';
const joinLimitMs = 60_000;

/**
 * Starts a real PostgreSQL from the binaries that npm installed, and resolves when it takes connections with
 * the database `user_service` in it. Data stays in `dataDirectory` between starts; what a crash left there is
 * recovered. It listens on 127.0.0.1 only, with a random password, and ends when this process ends in any way.
 *
 * @throws EmbeddedPostgresInUseError when a running process holds the directory.
 * @throws EmbeddedPostgresError when there are no binaries for this platform, or PostgreSQL does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { settings = {}, port = null, log = () => undefined } = options;
  mkdirSync(options.dataDirectory, { recursive: true });
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
 * The embedded PostgreSQL for a command that may run beside the service: joins the one that runs in the
 * directory (its `stop` does nothing then), or starts it as `startEmbeddedPostgres` does.
 */
export async function joinEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const deadline = Date.now() + joinLimitMs;
  for (;;) {
    try {
      return await startEmbeddedPostgres(options);
    } catch (error) {
      if (!(error instanceof EmbeddedPostgresInUseError)) throw error;
      const url = await waitForRunning(error.directory, deadline);
      if (url !== null) return { url, stop: () => Promise.resolve() };
    }
  }
}

/** Resolves to the URL once the owner's server is ready, or to null when the owner gave the directory up. */
async function waitForRunning(directory: string, deadline: number): Promise<string | null> {
  const cluster = clusterPath(directory);
  while ((await findOwner(directory)) !== null) {
    const postmaster = await readPostmaster(cluster);
    if (postmaster?.ready) {
      const url = urlOf(await readEmbeddedPassword(directory), postmaster.port, database);
      if (await canConnect(url)) return url;
    }
    if (Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        `The embedded PostgreSQL in ${directory} runs, but does not get ready.`,
      );
    }
    await delay(50);
  }
  return null;
}

function urlOf(password: string, port: number, name: string): string {
  return `postgresql://${embeddedUser}:${password}@127.0.0.1:${port}/${name}`;
}

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
