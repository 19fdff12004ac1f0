import { openBackingServices } from './backing-services';
import type { Config } from './config';
import { createHttp, LinkBase, startGraphql } from './doors';
import { cacheTagOf } from './graphql/cache-control';
import { createIntake } from './intake';
import { OutboxRelay } from './outbox/outbox.relay';
import { RouterCache } from './outbox/router-cache';
import { packageVersion } from './package-root';
import { Closers } from './scheduling/closers';
import { createServiceLog } from './service-log';
import { createServices } from './services';
import type { Logger } from './telemetry/logger';
import { createMetrics } from './telemetry/metrics';
import { createUpkeep } from './upkeep';
import { Wakeups } from './wakeups';

export interface AppOptions {
  log?: Logger;
  /** Before every Redis key, so that several services can share one Redis. */
  redisPrefix?: string;
  /** Before the name of every exchange and queue, so that several services can share one RabbitMQ. */
  amqpPrefix?: string;
  /**
   * How long requests are still accepted after `stop` was called, in milliseconds. Defaults to 2,000 in production,
   * else 0.
   */
  drainDelayMs?: number;
  /** How long idle connections stay open after that, in milliseconds; defaults to 500. */
  idleGraceMs?: number;
  /** Time between retention runs, in milliseconds. Defaults to ten minutes. */
  retentionIntervalMs?: number;
}

/** A running service. */
export interface App {
  /** Where HTTP listens. */
  readonly url: string;
  /** Resolves when PostgreSQL is available, its schema is up to date, and the background work has started. */
  readonly ready: Promise<void>;
  /** Finishes the requests in flight, then closes everything. Resolves when all is closed, also if a part failed. */
  stop(): Promise<void>;
}

/**
 * Composes the service and starts it. It listens immediately and connects in the background: a dependency that is
 * unavailable does not fail the start.
 *
 * @throws when a part cannot be started, such as HTTP on a port in use; everything started before is closed then
 */
export async function startApp(config: Config, options: AppOptions = {}): Promise<App> {
  const log = options.log ?? createServiceLog({ level: config.logLevel });
  const closers = new Closers();
  try {
    return await start(config, { ...options, log }, closers);
  } catch (error) {
    await closers.close().catch((err: unknown) => log.warn({ err }, 'could not close everything'));
    throw error;
  }
}

/** Starts the parts in the order in which each needs those before it. `closers` stops them in reverse. */
async function start(
  config: Config,
  {
    log,
    redisPrefix,
    amqpPrefix,
    drainDelayMs,
    idleGraceMs,
    retentionIntervalMs,
  }: AppOptions & { log: Logger },
  closers: Closers,
): Promise<App> {
  const metrics = createMetrics();
  metrics.buildInfo.set({ version: packageVersion(), node_version: process.version }, 1);
  const backing = await openBackingServices(config, { log, metrics, closers, redisPrefix, amqpPrefix });
  const { databases, broker, tracing } = backing;

  const wakeups = new Wakeups();
  const services = createServices({
    database: databases.requests,
    removals: databases.removals,
    recordCache: backing.recordCache,
    metrics,
    log,
    authenticationServiceUrl: config.authenticationServiceUrl,
    erasureGraceDays: config.erasureGraceDays,
    auditReadWindowSeconds: config.auditReadWindowSeconds,
    tracing,
    wakeups,
  });

  const routerCache =
    config.routerInvalidation && new RouterCache({ ...config.routerInvalidation, tagOf: cacheTagOf, log });
  const relay = new OutboxRelay({
    database: databases.background,
    broker,
    profile: config.eventProfile,
    metrics,
    log,
    tracing,
    // Repeats the cache write that follows a commit, in case it was lost.
    onPublished: async (events) => {
      await services.cache.refresh(events);
      // After the refresh: the router may read a user again immediately.
      await routerCache?.invalidate(events.map(({ userId }) => userId));
    },
  });
  wakeups.relay = relay;
  metrics.watchStored('outbox', () => relay.backlog());
  closers.push(() => relay.stop());

  const intake = createIntake({
    database: databases.consuming,
    metrics,
    log,
    waitingDays: config.retention.WAITING_DAYS,
    tracing,
    wakeups,
  });
  closers.push(() => intake.waiting.stop());
  closers.push(() => intake.consumer.stop());

  const links = new LinkBase({ ...config, log });
  const degraded = () => {
    const away = backing.degraded();
    // Without RabbitMQ the relay cannot publish; that is one cause, not two.
    const relayFails = relay.status() === 'degraded' && !away.includes('rabbitmq');
    return [
      ...away,
      ...(relayFails ? ['relay'] : []),
      ...(intake.consumer.blockedSeconds() > 0 ? ['intake'] : []),
    ];
  };
  const doors = { config, backing, services, metrics, log, degraded };
  const graphql = await startGraphql(doors, links);
  closers.push(() => graphql.apollo.stop());

  const upkeep = createUpkeep({
    services,
    background: databases.background,
    removals: databases.removals,
    policy: config.retention,
    inactivityRule: config.inactivity,
    auditReadWindowSeconds: config.auditReadWindowSeconds,
    retentionIntervalMs,
    metrics,
    log,
  });
  closers.push(() => upkeep.stop());

  const http = await createHttp(doors, graphql);
  closers.push(() => http.drain({ delayMs: drainDelayMs ?? (config.production ? 2000 : 0), idleGraceMs }));
  const url = await http.listen({ host: config.host, port: config.port });
  links.listensOn(url);

  const stopping = new AbortController();
  closers.push(async () => stopping.abort());
  const ready = backing.connected.then(() => {
    // `stop` may be called before PostgreSQL is available.
    if (stopping.signal.aborted) return;
    relay.start();
    intake.consumer.start(broker);
    intake.waiting.start();
    upkeep.start();
  });
  return { url, ready, stop: () => closers.close() };
}
