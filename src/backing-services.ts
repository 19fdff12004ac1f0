import { join } from 'node:path';
import type { Config } from './config';
import { openDatabases, openReplica } from './data-source';
import { packageVersion } from './package-root';
import type { Database } from './postgres/database';
import { ReadReplicas } from './postgres/read-replicas';
import type { Broker } from './rabbitmq/broker';
import { InProcessBroker } from './rabbitmq/in-process-broker';
import { RabbitMqBroker } from './rabbitmq/rabbitmq-broker';
import { erasuresFileIn, StreamFile } from './rabbitmq/stream-file';
import { topologyOf } from './rabbitmq/topology';
import { InProcessRecordCache } from './redis/in-process-record-cache';
import type { RecordCache } from './redis/record-cache';
import { createRedisClient } from './redis/redis-client';
import { RedisRecordCache, recordKeyPrefix } from './redis/redis-record-cache';
import type { Closers } from './scheduling/closers';
import { within } from './scheduling/within';
import type { Logger } from './telemetry/logger';
import type { Metrics } from './telemetry/metrics';
import type { Tracing } from './telemetry/tracing';

/** Connections for each kind of work, so that none waits for another's. */
const poolSizes = {
  requests: 10,
  /** For the relay and seals. */
  background: 6,
  /** For retention and the batches of erasures, which take as long as there is to delete. */
  removals: 4,
  /** For folding events. */
  consuming: 3,
};

/** After this time without a response the metrics report PostgreSQL as unavailable. */
const pingLimitMs = 500;

export interface BackingServicesOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Receives a function for each part that is opened. */
  readonly closers: Closers;
  readonly redisPrefix: string | undefined;
  readonly amqpPrefix: string | undefined;
}

export interface BackingServices {
  readonly tracing: Tracing | null;
  /** One pool of connections for each kind of work. */
  readonly databases: Readonly<Record<keyof typeof poolSizes, Database>>;
  /** Resolves when PostgreSQL is available and its schema is up to date. Never rejects. */
  readonly connected: Promise<unknown>;
  /** null unless DATABASE_REPLICA_URL is set. */
  readonly replicas: ReadReplicas | null;
  readonly recordCache: RecordCache;
  readonly broker: Broker;
  /** Names of services that are unavailable while requests are still served. */
  degraded(): string[];
}

/**
 * Opens what the settings name, or its replacement for development. Starts to connect and does not wait for it: a
 * service that is unavailable does not fail the start.
 */
export async function openBackingServices(
  config: Config,
  { log, metrics, closers, redisPrefix = recordKeyPrefix, amqpPrefix = '' }: BackingServicesOptions,
): Promise<BackingServices> {
  const databaseUrl = config.databaseUrl ?? (await startEmbeddedPostgres(config, log, closers));
  const tracing = await createTracing(config, log, closers);
  const databases = openDatabases(databaseUrl, log, poolSizes);
  const pools = Object.entries(databases);
  for (const [name, pool] of pools) metrics.watchPool(name, () => pool.poolCounts());
  closers.push(() => Promise.all(pools.map(([, pool]) => pool.close())));
  const connected = Promise.all(pools.map(([, pool]) => pool.connect()));

  metrics.watchDependency('postgresql', () => isUp(databases.background));

  const replicas = openReplicas(config, databases.background, { log, metrics, closers });

  const redis = config.redisUrl === null ? null : createRedisClient(config.redisUrl, log);
  if (redis) closers.push(() => redis.close());
  const broker: Broker =
    config.amqpUrl === null
      ? new InProcessBroker(topologyOf(), log, new StreamFile(erasuresFileIn(config.dataDirectory)))
      : new RabbitMqBroker({ url: config.amqpUrl, prefix: amqpPrefix, log });
  closers.push(() => broker.close());
  metrics.watchDependency('redis', () => redis?.status() !== 'degraded');
  metrics.watchBreaker(() => redis?.status() === 'degraded');
  metrics.watchDependency('rabbitmq', () => broker.status() === 'ready');

  return {
    tracing,
    databases,
    connected,
    replicas,
    recordCache: redis
      ? new RedisRecordCache(redis, () => `${redisPrefix}${databases.requests.id}:`)
      : new InProcessRecordCache(),
    broker,
    degraded: () => [
      ...(redis?.status() === 'degraded' ? ['redis'] : []),
      ...(broker.status() === 'degraded' ? ['rabbitmq'] : []),
      ...(replicas?.status() === 'degraded' ? ['replica'] : []),
    ],
  };
}

function openReplicas(
  { databaseReplicaUrls: urls }: Config,
  primary: Database,
  { log, metrics, closers }: Pick<BackingServicesOptions, 'log' | 'metrics' | 'closers'>,
): ReadReplicas | null {
  if (urls.length === 0) return null;
  const named = urls.map((url, index) => {
    const name = `replica-${index + 1}`;
    return { name, database: openReplica(url, log, { name, poolSize: poolSizes.requests }) };
  });
  closers.push(() => Promise.all(named.map(({ database }) => database.close())));
  const replicas = new ReadReplicas({ primary, replicas: named, log });
  closers.push(() => replicas.stop());
  replicas.start();
  for (const { name, database } of named) {
    metrics.watchPool(name, () => database.poolCounts());
    metrics.watchDependency(name, () => replicas.hasUsable(name));
    void database.connect();
  }
  return replicas;
}

async function isUp(database: Database): Promise<boolean> {
  return within(database.ping(), pingLimitMs, 'PostgreSQL did not respond in time').then(
    () => true,
    () => false,
  );
}

async function startEmbeddedPostgres(config: Config, log: Logger, closers: Closers): Promise<string> {
  const embedded = await import('./embedded-postgres/embedded-postgres');
  const postgres = await embedded.startEmbeddedPostgres({
    dataDirectory: join(config.dataDirectory, 'postgres'),
    log: (line) => log.info(line),
  });
  closers.push(() => postgres.stop());
  return postgres.url;
}

/** Null without an endpoint. OpenTelemetry is loaded only with one: it costs every start time and memory. */
async function createTracing(config: Config, log: Logger, closers: Closers): Promise<Tracing | null> {
  const { otlpEndpoint: endpoint, otelServiceName: serviceName } = config;
  if (endpoint === null) return null;
  const telemetry = await import('./telemetry/tracing');
  const tracing = new telemetry.Tracing({ endpoint, serviceName, serviceVersion: packageVersion(), log });
  closers.push(() => tracing.stop());
  return tracing;
}
