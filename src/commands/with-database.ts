import { join } from 'node:path';
import { type Config, loadConfig } from '../config';
import { openMigratedDatabase } from '../data-source';
import { ConnectionAttempts, UnreachableError } from '../postgres/connection-attempts';
import type { Database } from '../postgres/database';
import { createServiceLog } from '../service-log';
import type { Logger } from '../telemetry/logger';

/** Commands fail when PostgreSQL has been unavailable for this long. */
export const connectLimitMs = 10_000;

export interface DatabaseContext {
  /** URL of the database: DATABASE_URL, whose server may be unavailable, or that of the running embedded PostgreSQL. */
  readonly url: string;
  readonly config: Config;
  readonly log: Logger;
}

/**
 * Runs `work` with the database of DATABASE_URL, or without that setting with the embedded PostgreSQL. The service may
 * run at the same time. If it runs the embedded PostgreSQL, `work` shares that server, which keeps running. Otherwise
 * the server is started for `work` and stopped afterwards.
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
    // As warnings, because this log hides `info`. The embedded PostgreSQL reports only repairs, restarts and failures.
    log: (line) => log.warn(line),
  });
  try {
    return await work({ url: embedded.url, config, log });
  } finally {
    await embedded.stop();
  }
}

/** Runs `work` on the database of `withDatabase`, whose schema must be up to date: it migrates nothing. */
export function withMigratedDatabase<T>(
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
 * Returns the result of `work`. Calls it again while PostgreSQL is unavailable.
 *
 * @throws the error of `work` if PostgreSQL is available, or another one after `connectLimitMs` milliseconds
 */
export async function onceReachable<T>(log: Logger, work: () => Promise<T>): Promise<T> {
  let result: T | undefined;
  const attempt = async () => {
    result = await work();
  };
  const { signal } = new AbortController();
  await new ConnectionAttempts(log).repeat({ attempt, signal, limitMs: connectLimitMs });
  return result as T;
}
