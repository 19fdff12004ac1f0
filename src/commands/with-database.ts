import { join } from 'node:path';
import { type Config, loadConfig } from '../config';
import { openMigratedDatabase } from '../data-source';
import { ConnectionAttempts, UnreachableError } from '../postgres/connection-attempts';
import type { Database } from '../postgres/database';
import { createServiceLog } from '../service-log';
import type { Logger } from '../telemetry/logger';

/** How long a command retries to connect, in milliseconds. An attempt in progress is not interrupted. */
export const connectLimitMs = 10_000;

export interface DatabaseContext {
  /** URL of the database: DATABASE_URL, whose server may be unavailable, or that of the running embedded PostgreSQL. */
  readonly url: string;
  readonly config: Config;
  readonly log: Logger;
}

/**
 * Calls `work` with the URL of the database: DATABASE_URL, or without that setting the embedded PostgreSQL. If another
 * process runs that one, such as the service, `work` uses its server, which ends with its owner. Otherwise a server is
 * started, and stopped after `work`.
 */
export async function withDatabase<T>(
  env: NodeJS.ProcessEnv,
  work: (context: DatabaseContext) => Promise<T>,
): Promise<T> {
  const config = loadConfig(env);
  // On standard error, because standard output carries the results. Only warnings and errors concern the caller.
  const log = createServiceLog({ level: 'warn', destination: process.stderr });
  if (config.databaseUrl !== null)
    return work({ url: config.databaseUrl, config, log }).catch((error: unknown) => {
      if (!(error instanceof UnreachableError)) throw error;
      throw new Error(`${error.message} Check DATABASE_URL.`, { cause: error });
    });
  const { joinEmbeddedPostgres } = await import('../embedded-postgres/embedded-postgres');
  const embedded = await joinEmbeddedPostgres({
    dataDirectory: join(config.dataDirectory, 'postgres'),
    // They are logged as warnings, because this log hides `info`. The embedded PostgreSQL reports only repairs, restarts and failures.
    log: (line) => log.warn(line),
  });
  try {
    return await work({ url: embedded.url, config, log });
  } finally {
    await embedded.stop();
  }
}

/**
 * Calls `work` with a pool of connections to the database of `withDatabase`. Migrates nothing.
 *
 * @param poolSize the most connections that `work` uses concurrently
 * @throws Error if migrations are pending
 */
export function withUpToDateDatabase<T>(
  poolSize: number,
  work: (database: Database, config: Config) => Promise<T>,
): Promise<T> {
  return withDatabase(process.env, async ({ url, config, log }) => {
    const database = openMigratedDatabase(url, log, poolSize);
    await database.connect(connectLimitMs);
    try {
      return await work(database, config);
    } finally {
      await database.close();
    }
  });
}

/**
 * Returns the result of `work`, which must be safe to repeat. Calls it again while PostgreSQL is unavailable.
 *
 * @throws its error if no retry repairs it; when the next attempt would start after `connectLimitMs`, an
 * UnreachableError, or an Error that says that PostgreSQL was reached
 */
export async function retryWhileUnavailable<T>(log: Logger, work: () => Promise<T>): Promise<T> {
  let result: T | undefined;
  const attempt = async () => {
    result = await work();
  };
  // Never aborted: the limit ends the attempts.
  const { signal } = new AbortController();
  await new ConnectionAttempts(log).repeat({ attempt, signal, limitMs: connectLimitMs });
  return result as T;
}
