import { randomBytes } from 'node:crypto';
import { connect } from 'amqplib';
import { migrate, openDatabase } from '../src/data-source';
import type { Database } from '../src/postgres/database';
import { topologyOf } from '../src/rabbitmq/topology';
import { createLogger } from '../src/telemetry/logger';
import { findServices } from '../test/testkit/services';
import { createTemplate, createTestDatabase, dropTestDatabases } from '../test/testkit/test-database';
import { beginTestRun, testRun } from '../test/testkit/test-run';

/** The environment of a measurement: real services with a separate database and separate names. */
export interface Stage {
  readonly databaseUrl: string;
  readonly amqpUrl: string;
  readonly redisUrl: string;
  /** Prefix of every exchange and queue. */
  readonly prefix: string;
  /** A direct connection, not through the service. */
  readonly database: Database;
}

export const log = createLogger({ level: process.env['LOG_LEVEL'] ?? 'fatal' });

/** Finds or starts the backing services, runs `measure`, and removes everything it created. */
export async function withServices<T>(
  measure: (open: <R>(work: (stage: Stage) => Promise<R>) => Promise<R>) => Promise<T>,
): Promise<T> {
  const services = await findServices();
  process.env['TEST_DATABASE_URL'] = services.databaseUrl;
  beginTestRun();
  try {
    await createTemplate(services.databaseUrl, testRun(), async (url) => {
      await migrate(url, log);
    });
    return await measure((work) => withStage(services, work));
  } finally {
    await dropTestDatabases(services.databaseUrl, testRun());
    await services.stop();
  }
}

async function withStage<R>(
  { amqpUrl, redisUrl }: { amqpUrl: string; redisUrl: string },
  work: (stage: Stage) => Promise<R>,
): Promise<R> {
  const testDatabase = await createTestDatabase();
  const databaseUrl = testDatabase.url;
  const prefix = `user-service-bench.${randomBytes(4).toString('hex')}.`;
  const database = openDatabase(databaseUrl, log, 4);
  await database.connect();
  await bindWitnessQueue(amqpUrl, prefix);
  try {
    return await work({ databaseUrl, amqpUrl, redisUrl, prefix, database });
  } finally {
    await database.close();
    await testDatabase.drop();
    await removeNames(amqpUrl, prefix);
  }
}

export const witnessQueue = (prefix: string): string => `${prefix}witness`;

/** Binds another team's queue: a durable quorum queue, so that confirms cost the same as in production. */
async function bindWitnessQueue(url: string, prefix: string): Promise<void> {
  await withChannel(url, async (channel) => {
    await channel.assertExchange(`${prefix}user.events`, 'topic', { durable: true });
    await channel.assertQueue(witnessQueue(prefix), { arguments: { 'x-queue-type': 'quorum' } });
    await channel.bindQueue(witnessQueue(prefix), `${prefix}user.events`, '#');
  });
}

async function removeNames(url: string, prefix: string): Promise<void> {
  const { queues, exchanges } = topologyOf(prefix);
  await withChannel(url, async (channel) => {
    for (const name of [witnessQueue(prefix), ...queues.map((it) => it.name)])
      await channel.deleteQueue(name);
    for (const name of exchanges) await channel.deleteExchange(name);
  });
}

export type ConfirmChannel = Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>;

/** Runs `work` on a channel of its own, independent of the service. */
export async function withChannel<T>(url: string, work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const connection = await connect(url, { noDelay: true });
  // Without a listener the error would end the process; the pending call rejects with it.
  connection.on('error', () => undefined);
  try {
    return await work(await connection.createConfirmChannel());
  } finally {
    await connection.close();
  }
}

/** Returns the count per second. */
export function rate(count: number, elapsedMs: number): number {
  return (count * 1000) / elapsedMs;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Returns the value at this share of the sorted values, for example the median for 0.5. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
