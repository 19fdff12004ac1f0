import { join } from 'node:path';
import { type Config, loadConfig } from '../config';
import { joinEmbeddedPostgres } from '../embedded-postgres/embedded-postgres';
import { createServiceLog } from '../service-log';
import type { Logger } from '../telemetry/logger';

/** Runs `work` on the configured database, or on the embedded one, whether the service runs beside or not. */
export async function withDatabase<T>(
  env: NodeJS.ProcessEnv,
  work: (url: string, config: Config, log: Logger) => Promise<T>,
): Promise<T> {
  const config = loadConfig(env);
  // Standard output is for results.
  const log = createServiceLog({ level: 'warn', destination: process.stderr });
  if (config.databaseUrl !== null) return work(config.databaseUrl, config, log);
  const embedded = await joinEmbeddedPostgres({
    dataDirectory: join(config.dataDirectory, 'postgres'),
    log: (line) => log.warn(line),
  });
  try {
    return await work(embedded.url, config, log);
  } finally {
    await embedded.stop();
  }
}
