import { openDatabase } from '../../src/data-source';
import { type NewOutboxEvent, Outbox } from '../../src/outbox/outbox';
import type { OutboxRelay } from '../../src/outbox/outbox.relay';
import type { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { rabbitMqUrl } from './brokers';
import { startTestRelay, type TestRelay, type TestRelayOptions } from './relays';
import { startTcpProxy, type TcpProxy } from './tcp-proxy';
import { createTestDatabase } from './test-database';
import { newAmqpPrefix } from './test-run';
import { removeTopology, startWitness, type Witness } from './witness';

/** The set-up of relay tests: an outbox, proxies to PostgreSQL and RabbitMQ, and a witness. */
export interface RelayFixture {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly amqp: TcpProxy;
  readonly postgres: TcpProxy;
  readonly prefix: string;
  readonly witness: Witness;
  startRelay(options?: Partial<TestRelayOptions>): Promise<TestRelay>;
  /** Commits events in one transaction, as mutations do, and calls `wake`. */
  commit(events: NewOutboxEvent[], wake?: OutboxRelay['wake']): Promise<void>;
  /** The ids of all messages in order of arrival, duplicates included. */
  arrived(): string[];
  /** The ids of the unpublished events. */
  pending(): Promise<string[]>;
  /** Users and sequences that arrived out of order, duplicates ignored. */
  disorder(): string[];
}

/** Sets up the tests of this file: one database for all; a name prefix and a witness for each test. */
export function useRelayFixture(): RelayFixture {
  const fixture = {} as { -readonly [Name in keyof RelayFixture]: RelayFixture[Name] };
  let relays: TestRelay[] = [];
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const { url, ...testDatabase } = await createTestDatabase();
    drop = testDatabase.drop;
    fixture.databaseUrl = url;
    fixture.database = openDatabase(url, createLogger({ level: 'silent' }), 24);
    await fixture.database.connect();
    fixture.amqp = await startTcpProxy(rabbitMqUrl());
    fixture.postgres = await startTcpProxy(url);
  });
  afterAll(async () => {
    await Promise.all([fixture.amqp.close(), fixture.postgres.close(), fixture.database.close()]);
    await drop();
  });
  beforeEach(async () => {
    fixture.prefix = newAmqpPrefix();
    fixture.witness = await startWitness(`${fixture.prefix}user.events`);
    relays = [];
  });
  afterEach(async () => {
    await Promise.all([fixture.amqp.resume(), fixture.postgres.resume()]);
    for (const relay of relays) await relay.stop();
    await fixture.database.query('DELETE FROM outbox_events');
    await fixture.witness.close();
    await removeTopology(fixture.prefix);
  });

  return Object.assign(fixture, {
    startRelay: async (options: Partial<TestRelayOptions> = {}) => {
      const relay = await startTestRelay({
        databaseUrl: fixture.databaseUrl,
        prefix: fixture.prefix,
        ...options,
      });
      relays.push(relay);
      return relay;
    },
    commit: async (events: NewOutboxEvent[], wake?: OutboxRelay['wake']) => {
      const outbox = new Outbox(wake);
      await fixture.database.transaction(async (tx) => {
        for (const event of events) await outbox.append(tx, event);
      });
    },
    arrived: () => fixture.witness.events.map(({ messageId }) => messageId),
    pending: async () => {
      const rows = await fixture.database.query<{ id: string }>(
        'SELECT id FROM outbox_events WHERE published_at IS NULL',
      );
      return rows.map(({ id }) => id);
    },
    disorder: () => disorderOf(fixture.witness),
  });
}

function disorderOf({ events }: Witness): string[] {
  const seen = new Set<string>();
  const last = new Map<string, string>();
  return events.flatMap(({ messageId, event }) => {
    if (seen.has(messageId)) return [];
    seen.add(messageId);
    const before = last.get(event.subject);
    last.set(event.subject, event.sequence);
    return before === undefined || before < event.sequence ? [] : [`${event.subject} ${event.sequence}`];
  });
}
