import type { Config } from '../config';
import { openDatabase } from '../data-source';
import type { Database } from '../postgres/database';
import { InProcessRecordCache } from '../redis/in-process-record-cache';
import { createRedisClient } from '../redis/redis-client';
import { RedisRecordCache, recordKeyPrefix } from '../redis/redis-record-cache';
import { createServices, type Services } from '../services';
import type { Logger } from '../telemetry/logger';
import { createMetrics } from '../telemetry/metrics';
import type { Caller } from '../users/user-changes';
import { withDatabase } from './with-database';

const poolSize = 4;

/** Who acts where a person at the command line does; the shell is what has let that person in. */
export const operator: Caller = { actor: { id: 'command-line', scopes: new Set() }, traceparent: null };

/** Runs `work` with the services on the configured database and Redis, whether the service runs beside or not. */
export async function withServices<T>(
  env: NodeJS.ProcessEnv,
  work: (services: Services, database: Database, config: Config, log: Logger) => Promise<T>,
): Promise<T> {
  return withDatabase(env, async (url, config, log) => {
    const database = openDatabase(url, log, poolSize);
    await database.connect();
    const redis = config.redisUrl === null ? null : createRedisClient(config.redisUrl, log);
    try {
      const services = createServices({
        database,
        recordCache: redis ? new RedisRecordCache(redis, recordKeyPrefix) : new InProcessRecordCache(),
        metrics: createMetrics(),
        log,
        authenticationServiceUrl: config.authenticationServiceUrl,
      });
      return await work(services, database, config, log);
    } finally {
      await redis?.close();
      await database.close();
    }
  });
}
