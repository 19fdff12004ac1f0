import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import type { NewOutboxEvent } from '../../src/outbox/outbox';
import { OutboxRelay, type OutboxRelayOptions } from '../../src/outbox/outbox.relay';
import type { Database } from '../../src/postgres/database';
import { openTestBroker, type TestBroker } from './brokers';

/** A relay with its own connections to the database and the broker. */
export interface TestRelay extends TestBroker {
  readonly database: Database;
  readonly relay: OutboxRelay;
  /** Publish attempts so far, as `type outcome`. */
  readonly attempts: string[];
  /** The delays of published events, in seconds. */
  readonly delays: number[];
  stop(): Promise<void>;
}

export interface TestRelayOptions {
  databaseUrl: string;
  prefix: string;
  amqpUrl?: string;
  profile?: 'full' | 'catalog';
  confirmTimeoutMs?: number;
  onPublished?: OutboxRelayOptions['onPublished'];
}

/** Starts a relay on the outbox of this database. */
export async function startTestRelay(options: TestRelayOptions): Promise<TestRelay> {
  const { databaseUrl, prefix, amqpUrl, profile = 'full', confirmTimeoutMs, onPublished } = options;
  const testBroker = openTestBroker({
    prefix,
    ...(amqpUrl === undefined ? {} : { url: amqpUrl }),
    ...(confirmTimeoutMs === undefined ? {} : { confirmTimeoutMs }),
  });
  const { broker, log } = testBroker;
  const database = openDatabase(databaseUrl, log, 6);
  await database.connect();
  const attempts: string[] = [];
  const delays: number[] = [];
  const relay = new OutboxRelay({
    database,
    broker,
    profile,
    log,
    pollIntervalMs: 100,
    ...(onPublished && { onPublished }),
    metrics: {
      eventsPublished: { inc: ({ type, outcome }) => void attempts.push(`${type} ${outcome}`) },
      eventsPublishDelay: { observe: (seconds) => void delays.push(seconds) },
    },
  });
  relay.start();
  return {
    ...testBroker,
    database,
    relay,
    attempts,
    delays,
    async stop() {
      await relay.stop();
      await broker.close();
      await database.close();
    },
  };
}

/** An event of a user, valid by default. */
export function buildEvent(overrides: Partial<NewOutboxEvent> = {}): NewOutboxEvent {
  const userId = overrides.userId ?? uuidv7();
  return {
    id: uuidv7(),
    userId,
    version: 1,
    type: 'UserUpdated',
    data: { userId },
    occurredAt: new Date(),
    traceparent: null,
    ...overrides,
  };
}

/** The first versions of a user, in order. */
export function buildVersions(userId: string, count: number): NewOutboxEvent[] {
  return Array.from({ length: count }, (_, at) => buildEvent({ userId, version: at + 1 }));
}
