import { ownActorIds } from '../authentication/actor';
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
import { connectLimitMs, withDatabase } from './with-database';

const poolSize = 4;

/** The caller of every command. Access to the shell is the authorization. */
export const operator: Caller = { actor: { id: ownActorIds.operator, scopes: new Set() }, traceparent: null };

export interface ServicesContext {
  readonly services: Services;
  readonly database: Database;
  readonly config: Config;
  readonly log: Logger;
}

/**
 * Runs `work` with the services on the database of `withDatabase` and on Redis. Without REDIS_URL they have a cache of
 * their own. The server may run at the same time.
 */
export async function withServices<T>(
  env: NodeJS.ProcessEnv,
  work: (context: ServicesContext) => Promise<T>,
): Promise<T> {
  return withDatabase(env, async ({ url, config, log }) => {
    const database = openDatabase(url, log, poolSize);
    await database.connect(connectLimitMs);
    const redis = config.redisUrl === null ? null : createRedisClient(config.redisUrl, log);
    try {
      const services = createServices({
        database,
        recordCache: redis
          ? new RedisRecordCache(redis, () => `${recordKeyPrefix}${database.id}:`)
          : new InProcessRecordCache(),
        metrics: createMetrics(),
        log,
        authenticationServiceUrl: config.authenticationServiceUrl,
      });
      return await work({ services, database, config, log });
    } finally {
      await redis?.close();
      await database.close();
    }
  });
}
