import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfirmChannel, connect } from 'amqplib';
import { Client } from 'pg';
import { openDevelopmentIssuer } from '../../src/authentication/development-issuer';
import { rabbitMqUrl } from './brokers';
import { startCollector } from './collector';
import type { ForeignMessage } from './commerce-events';
import type { ObservedService } from './every-sink';
import { type ServiceProcess, type ServiceProcessOptions, startServiceProcess } from './service-processes';
import { createTestDatabase, serverUrlOf } from './test-database';
import { newAmqpPrefix, newRedisPrefix } from './test-run';
import { removeTopology, startWitness, type Witness } from './witness';

/** Two replicas of the built service in processes that a test can kill, with their database, broker and collector. */
export interface KillableService {
  readonly observed: ObservedService;
  readonly witness: Witness;
  readonly staff: string;
  /** A token for `users:privacy`. */
  readonly officer: string;
  start(...which: number[]): Promise<void>;
  /** Sends SIGKILL. */
  kill(...which: number[]): Promise<void>;
  /** The URL of a replica, or of the other one while this one is down. */
  urlOf(which: number): string;
  sql<Row>(text: string, parameters?: unknown[]): Promise<Row[]>;
  /** Publishes as other services do. Resolves when the broker has confirmed all messages. */
  publish(...messages: ForeignMessage[]): Promise<void>;
}

const timeoutMs = 60_000;
const nowhere = 'http://127.0.0.1:1';

/** Sets up a killable service for the tests of this file. No replica runs until `start`. */
export function useKillableService(
  own: Pick<ServiceProcessOptions, 'env' | 'retentionIntervalMs'> = {},
): KillableService {
  const service = {} as { -readonly [Name in keyof KillableService]: KillableService[Name] };
  const replicas: (ServiceProcess | undefined)[] = [];
  const running = () => replicas.filter((it) => it !== undefined);
  const endings: (() => Promise<unknown> | void)[] = [];
  let options: ServiceProcessOptions;
  let client: Client;
  let channel: ConfirmChannel;
  let output = '';

  beforeAll(async () => {
    const database = await createTestDatabase();
    endings.push(() => database.drop());
    // Its session can hold locks.
    client = new Client({ connectionString: serverUrlOf(database.url) });
    await client.connect();
    endings.push(() => client.end());
    const collector = await startCollector();
    endings.push(() => collector.close());
    const directory = mkdtempSync(join(tmpdir(), 'user-service-'));
    endings.push(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    options = {
      databaseUrl: database.url,
      redisUrl: process.env['TEST_REDIS_URL'] ?? '',
      amqpUrl: rabbitMqUrl(),
      redisPrefix: newRedisPrefix(),
      amqpPrefix: newAmqpPrefix(),
      directory,
      ...own,
      env: {
        LOG_LEVEL: 'trace',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url.href.replace(/\/$/, ''),
        ...own.env,
      },
      onOutput: (text) => {
        output += text;
      },
    };
    endings.push(() => removeTopology(options.amqpPrefix));
    const issuer = await openDevelopmentIssuer(join(directory, '.data'));
    service.staff = await issuer.issueToken({ sub: 'staff', scope: 'users:read users:write' });
    service.officer = await issuer.issueToken({ sub: 'officer', scope: 'users:privacy' });
    service.observed = { options, collector, running, output: () => output };
    service.witness = await startWitness(`${options.amqpPrefix}user.events`);
    endings.push(() => service.witness.close());
    const connection = await connect(rabbitMqUrl());
    endings.push(() => connection.close());
    channel = await connection.createConfirmChannel();
  }, timeoutMs);

  afterAll(async () => {
    await Promise.all(running().map((it) => it.kill()));
    for (const end of endings.toReversed()) await end();
  }, timeoutMs);

  return Object.assign(service, {
    async start(...which: number[]) {
      const started = await Promise.all(which.map(() => startServiceProcess(options)));
      for (const [at, index] of which.entries()) replicas[index] = started[at];
    },
    async kill(...which: number[]) {
      const killed = which.map((at) => replicas[at]);
      for (const at of which) replicas[at] = undefined;
      for (const it of killed) await it?.kill();
    },
    urlOf: (which: number) => (replicas[which] ?? replicas[1 - which])?.url ?? nowhere,
    sql: async <Row>(text: string, parameters: unknown[] = []) =>
      (await client.query(text, parameters)).rows as Row[],
    async publish(...messages: ForeignMessage[]) {
      for (const { exchange, routingKey, body, properties } of messages)
        channel.publish(`${options.amqpPrefix}${exchange}`, routingKey, body, properties);
      await channel.waitForConfirms();
    },
  });
}
