import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findOwner } from '../../src/embedded-postgres/embedded-lock';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres';
import { startPgBouncer } from './pgbouncer';
import { startRedisCluster, startSentinel } from './redis-cluster';
import { startRedisServer } from './redis-server';
import { type BackingService, postgres, rabbitmq, redis, unavailableReason } from './service-probes';
import { startServices } from './service-startup';

/** The backing services of a test run. */
export interface TestServices {
  readonly databaseUrl: string;
  /** PostgreSQL itself, also if `databaseUrl` is PgBouncer's. */
  readonly databaseServerUrl: string;
  /** One server, or what `TEST_REDIS` asks for. */
  readonly redisUrl: string;
  /** One server, for tests that put a proxy in front of it. */
  readonly redisServerUrl: string;
  readonly amqpUrl: string;
  /** Stops the services that this run started for itself. */
  stop(): Promise<void>;
}

const embeddedDirectory = join(__dirname, '..', '..', '.data', 'test-postgres');
const leftoverAgeMs = 3_600_000;

/**
 * Finds PostgreSQL, Redis and RabbitMQ at `TEST_DATABASE_URL`, `TEST_REDIS_URL` and `TEST_AMQP_URL` or at their default
 * ports, and starts those that do not respond. `TEST_DATABASE_URL=embedded` always starts the embedded PostgreSQL.
 * With `TEST_PGBOUNCER`, the tests reach PostgreSQL through PgBouncer. With `TEST_REDIS=cluster` or `sentinel`, the
 * service uses a Redis Cluster of three or a Sentinel, started for this run.
 *
 * @throws an error that says what to do, if a service cannot be started: no test is skipped for it
 */
export async function findServices(): Promise<TestServices> {
  const [databaseUrl, redisUrl, amqpUrl] = await Promise.all([postgres, redis, rabbitmq].map(findUrl));
  await startServices([...(redisUrl ? [] : [redis]), ...(amqpUrl ? [] : [rabbitmq])]);
  const database = databaseUrl
    ? { url: databaseUrl, stop: async () => undefined }
    : await startPrivatePostgres();
  const pgBouncer = process.env['TEST_PGBOUNCER'] ? await startPgBouncer(database.url) : null;
  const redisServerUrl = redisUrl ?? redis.defaultUrl;
  const redisMode = await startRedisMode(process.env['TEST_REDIS']);
  return {
    databaseUrl: pgBouncer?.urlOf(database.url) ?? database.url,
    databaseServerUrl: database.url,
    redisUrl: redisMode?.url ?? redisServerUrl,
    redisServerUrl,
    amqpUrl: amqpUrl ?? rabbitmq.defaultUrl,
    async stop() {
      await redisMode?.stop();
      await pgBouncer?.stop();
      await database.stop();
    },
  };
}

async function startRedisMode(
  mode: string | undefined,
): Promise<{ readonly url: string; stop(): Promise<void> } | null> {
  if (!mode) return null;
  if (mode === 'cluster') return startRedisCluster();
  if (mode !== 'sentinel') throw new Error('TEST_REDIS is "cluster" or "sentinel"');
  const server = await startRedisServer();
  const sentinel = await startSentinel(server.port);
  return {
    url: sentinel.url,
    async stop() {
      await sentinel.stop();
      await server.stop();
    },
  };
}

async function findUrl(service: BackingService): Promise<string | null> {
  const wanted = process.env[service.variable];
  if (service === postgres && wanted === 'embedded') return null;
  if (wanted) {
    const reason = await unavailableReason(service, wanted);
    if (reason === null) return wanted;
    process.stderr.write(`${service.name} at ${service.variable} cannot be used: ${reason}\n`);
  }
  return (await unavailableReason(service, service.defaultUrl)) === null ? service.defaultUrl : null;
}

/** Starts a PostgreSQL for this run. It is fast, as its data need not survive a crash. */
async function startPrivatePostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  await removeLeftovers();
  const dataDirectory = join(embeddedDirectory, randomBytes(4).toString('hex'));
  const { url, stop } = await startEmbeddedPostgres({
    dataDirectory,
    settings: { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '300' },
    log: (line) => process.stderr.write(`${line}\n`),
  });
  return {
    url,
    async stop() {
      await stop();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

async function removeLeftovers(): Promise<void> {
  if (!existsSync(embeddedDirectory)) return;
  for (const name of await readdir(embeddedDirectory)) {
    const directory = join(embeddedDirectory, name);
    const { mtimeMs } = await stat(directory);
    if (Date.now() - mtimeMs > leftoverAgeMs && (await findOwner(directory)) === null) {
      await rm(directory, { recursive: true, force: true });
    }
  }
}
