import { join } from 'node:path';
import { openDevelopmentIssuer } from './authentication/development-issuer';
import { createRouterProof } from './authentication/router-proof';
import { createTokenVerifier, type TokenVerifier } from './authentication/token-verifier';
import type { Config } from './config';
import { openDatabase } from './data-source';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres/embedded-postgres';
import { actorOf } from './graphql/access/actor-of';
import { AuditedReads } from './graphql/access/audited-reads';
import { AuditTrailResolver } from './graphql/audit-trail.resolver';
import type { GraphqlContext } from './graphql/context';
import { createLoaders } from './graphql/loaders';
import { countMutations } from './graphql/metrics-plugin';
import { PrivacyResolver } from './graphql/privacy.resolver';
import { createSchema } from './graphql/schema';
import { createGraphqlServer } from './graphql/server';
import { UnsubscribeUrlResolver } from './graphql/unsubscribe-url.resolver';
import { UserResolver } from './graphql/user.resolver';
import { UserCommerceResolver } from './graphql/user-commerce.resolver';
import { UserEmailPreferencesResolver } from './graphql/user-email-preferences.resolver';
import { UserHistoryResolver } from './graphql/user-history.resolver';
import { UserMutationsResolver } from './graphql/user-mutations.resolver';
import { readMessageSchemas } from './http/message-schemas';
import { createHttpServer } from './http/server';
import { createIntake } from './intake';
import { OutboxRelay } from './outbox/outbox.relay';
import { isDatabaseUnavailable } from './postgres/database-unavailable';
import type { Broker } from './rabbitmq/broker';
import { InProcessBroker } from './rabbitmq/in-process-broker';
import { RabbitMqBroker } from './rabbitmq/rabbitmq-broker';
import { erasuresFileIn, StreamFile } from './rabbitmq/stream-file';
import { topologyOf } from './rabbitmq/topology';
import { InProcessRecordCache } from './redis/in-process-record-cache';
import { createRedisClient } from './redis/redis-client';
import { RedisRecordCache, recordKeyPrefix } from './redis/redis-record-cache';
import { createServiceLog } from './service-log';
import { createServices } from './services';
import type { Logger } from './telemetry/logger';
import { createMetrics } from './telemetry/metrics';
import type { Tracing } from './telemetry/tracing';
import { createUpkeep } from './upkeep';

/** The largest request body, in bytes. */
const bodyLimitBytes = 256 * 1024;
/** Connections for what no request waits for, so that neither can starve the other. */
const backgroundPoolSize = 6;
/** Connections for folding events, so that neither the relay nor requests wait for them. */
const consumingPoolSize = 3;

export interface AppOptions {
  log?: Logger;
  /** Before every Redis key, so that several services can share one Redis. */
  redisPrefix?: string;
  /** Before the name of every exchange and queue, likewise. */
  amqpPrefix?: string;
  /** How long to go on serving after `stop` was called, in milliseconds; 2,000 in production, else 0. */
  drainDelayMs?: number;
}

/** A running service. */
export interface App {
  /** Where HTTP listens. */
  readonly url: string;
  /** Resolves when PostgreSQL is there and its schema up to date. */
  readonly ready: Promise<void>;
  /** Stops in order, losing no request in flight; resolves when everything is closed. */
  stop(): Promise<void>;
}

/**
 * Puts the service together and starts it. It listens at once and waits for its dependencies in any order:
 * none that is away ends it.
 */
export async function startApp(config: Config, options: AppOptions = {}): Promise<App> {
  const log = options.log ?? createServiceLog({ level: config.logLevel });
  const metrics = createMetrics();
  const tracing = await createTracing(config, log);

  const embedded = config.databaseUrl === null ? await startEmbedded(config, log) : null;
  const databaseUrl = config.databaseUrl ?? (embedded as EmbeddedPostgres).url;
  const database = openDatabase(databaseUrl, log);
  metrics.watchPool('requests', () => database.poolCounts());

  const redis = config.redisUrl === null ? null : createRedisClient(config.redisUrl, log);
  const recordCache = redis
    ? new RedisRecordCache(redis, options.redisPrefix ?? recordKeyPrefix)
    : new InProcessRecordCache();

  const broker: Broker =
    config.amqpUrl === null
      ? new InProcessBroker(topologyOf(), log, new StreamFile(erasuresFileIn(config.dataDirectory)))
      : new RabbitMqBroker({ url: config.amqpUrl, prefix: options.amqpPrefix ?? '', log });
  const services = createServices({
    database,
    recordCache,
    metrics,
    log,
    authenticationServiceUrl: config.authenticationServiceUrl,
    tracing,
    wakeRelay: (lane) => relay.wake(lane),
    onUserKnown: (id) => intake.waiting.release('user', [id]),
  });
  const background = openDatabase(databaseUrl, log, backgroundPoolSize);
  metrics.watchPool('background', () => background.poolCounts());
  const relay = new OutboxRelay({
    database: background,
    broker,
    profile: config.eventProfile,
    metrics,
    log,
    tracing,
    // The cache write that follows a commit can be lost; the relay repeats it, so that a lost one heals.
    onPublished: (events) => services.cache.refresh(events),
  });
  metrics.watchOutbox(() => relay.backlog());
  const consuming = openDatabase(databaseUrl, log, consumingPoolSize);
  metrics.watchPool('consuming', () => consuming.poolCounts());
  const intake = createIntake({
    database: consuming,
    metrics,
    log,
    waitingDays: config.retention.WAITING_DAYS,
  });
  const upkeep = createUpkeep({ services, background, policy: config.retention, metrics, log });

  const schema = createSchema(
    [
      new UserResolver(services.users),
      new UserMutationsResolver(services.userService, services.emailPreferences, services.emailVerification),
      new UserEmailPreferencesResolver(),
      new UnsubscribeUrlResolver(services.unsubscribeLinks, () => config.publicUrl ?? url),
      new UserHistoryResolver(),
      new PrivacyResolver(services.erasures, services.legalHolds, services.userDataExport),
      new UserCommerceResolver(),
      new AuditTrailResolver(services.auditTrail),
    ],
    { maxRepresentations: config.limits.representations },
  );
  const apollo = createGraphqlServer({
    schema: countMutations(schema, metrics),
    limits: config.limits,
    metrics,
    accessLog: services.accessLog,
    log,
    tracing,
    isUnavailable: isDatabaseUnavailable,
  });
  await apollo.start();

  const verifier = await createVerifier(config, log);
  const http = await createHttpServer<GraphqlContext>({
    apollo,
    context: async (request) => {
      const actor = await actorOf(verifier, request.headers.authorization);
      return {
        actor,
        requestId: request.id,
        traceparent: request.traceparent,
        loaders: createLoaders(services),
        reads: new AuditedReads(actor),
        log: request.log as Logger,
      };
    },
    routerProof: createRouterProof(config.routerSecrets),
    readiness: async () => {
      await database.ping();
      const degraded = [
        redis?.status() === 'degraded' && 'redis',
        broker.status() === 'degraded' && 'rabbitmq',
      ];
      return { ready: true, degraded: degraded.filter((name) => name !== false) };
    },
    metrics,
    log,
    tracing,
    explorer: config.production ? false : { asksForRouterProof: config.routerSecrets.length > 0 },
    publishDevelopmentEvent:
      config.production || config.amqpUrl !== null
        ? undefined
        : async (event) => void (await broker.publish({ ...event, body: Buffer.from(event.body) })),
    unsubscribe: { links: services.unsubscribeLinks, isUnavailable: isDatabaseUnavailable },
    bodyLimitBytes,
    schemas: await readMessageSchemas(),
  });
  const url = await http.listen({ host: config.host, port: config.port });
  let stopping = false;
  const ready = Promise.all([database, background, consuming].map((it) => it.connect())).then(() => {
    // What works by itself has nothing to do before there is a database, and nothing any more after `stop`.
    if (stopping) return;
    relay.start();
    intake.consumer.start(broker);
    intake.waiting.start();
    upkeep.start();
  });

  return {
    url,
    ready,
    async stop() {
      stopping = true;
      await http.drain({ delayMs: options.drainDelayMs ?? (config.production ? 2000 : 0) });
      await upkeep.stop();
      await apollo.stop();
      await intake.consumer.stop();
      await intake.waiting.stop();
      await relay.stop();
      await broker.close();
      await redis?.close();
      await Promise.all([database.close(), background.close(), consuming.close(), tracing?.stop()]);
      await embedded?.stop();
    },
  };
}

/** Loaded only where it is asked for: without it no request and no start pays for it. */
async function createTracing(
  { otlpEndpoint, otelServiceName }: Config,
  log: Logger,
): Promise<Tracing | null> {
  if (otlpEndpoint === null) return null;
  const telemetry = await import('./telemetry/tracing');
  return new telemetry.Tracing({ endpoint: otlpEndpoint, serviceName: otelServiceName, log });
}

function startEmbedded(config: Config, log: Logger): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDirectory: join(config.dataDirectory, 'postgres'),
    log: (line) => log.info(line),
  });
}

async function createVerifier(
  { authentication, dataDirectory }: Config,
  log: Logger,
): Promise<TokenVerifier> {
  if (authentication) {
    const { jwksUrl, issuer, audience } = authentication;
    return createTokenVerifier({ keys: { jwksUrl: new URL(jwksUrl) }, issuer, audience, log });
  }
  const { publicKey, issuer, audience } = await openDevelopmentIssuer(dataDirectory);
  return createTokenVerifier({ keys: { developmentKey: publicKey }, issuer, audience, log });
}
