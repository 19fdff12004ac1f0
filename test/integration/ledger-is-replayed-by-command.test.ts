import { openDatabase } from '../../src/data-source';
import type { Database } from '../../src/postgres/database';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { type CommandLine, openCommandLine } from '../testkit/command';
import { eventually } from '../testkit/eventually';
import { type RabbitMqNode, startRabbitMqNode } from '../testkit/rabbitmq-node';
import { startTestRelay } from '../testkit/relays';
import { createReplicaServices } from '../testkit/retention';
import { backUp, createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { buildUser } from '../testkit/users';

const caller = { actor: { id: 'officer', scopes: new Set<string>() }, traceparent: null };

let commands: CommandLine;
let database: TestDatabase;
// The command reads the stream by its fixed name, so the test needs a RabbitMQ of its own.
let node: RabbitMqNode;

beforeAll(async () => {
  commands = openCommandLine();
  [node, database] = await Promise.all([startRabbitMqNode(), createTestDatabase()]);
}, 60_000);
afterAll(async () => {
  await node.remove();
  await database.drop();
  await commands.close();
});

const replay = () =>
  commands.runAlone(['erase', '--replay-ledger'], {
    DATABASE_URL: database.url,
    AMQP_URL: node.url,
  });

/** Calls `work` with services on a new connection, as restoring a backup closes all connections. */
async function withServices<T>(
  work: (services: ReturnType<typeof createReplicaServices>, connected: Database) => Promise<T>,
): Promise<T> {
  const connected = openDatabase(database.url, createLogger({ level: 'silent' }), 2);
  await connected.connect();
  try {
    return await work(createReplicaServices(connected, createMetrics()), connected);
  } finally {
    await connected.close();
  }
}

const createUsers = (count: number): Promise<string[]> =>
  withServices(({ userService }) =>
    Promise.all(
      Array.from({ length: count }, async () => (await userService.create(caller, buildUser() as never)).id),
    ),
  );

/** Erases the users and resolves when the stream has every UserErased. */
async function eraseAndPublish(ids: readonly string[]): Promise<void> {
  await withServices(async ({ erasures }) => {
    for (const userId of ids) await erasures.erase(caller, { userId });
  });
  const relay = await startTestRelay({ databaseUrl: database.url, prefix: '', amqpUrl: node.url });
  await eventually(async () =>
    expect(await relay.database.query('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]),
  );
  await relay.stop();
}

const storedIds = (ids: readonly string[]) =>
  withServices((_services, connected) => connected.query('SELECT id FROM users WHERE id = ANY ($1)', [ids]));

it('erase --replay-ledger erases the users of the stream again after an older backup was restored', async () => {
  const restored = await createUsers(2);
  const kept = await createUsers(1);
  const backup = await backUp(database.url);
  const younger = await createUsers(1);
  await eraseAndPublish([...restored, ...younger]);
  await backup.restore();
  await backup.drop();

  expect(await storedIds(restored)).toHaveLength(2);
  expect(await replay()).toMatchObject({
    code: 0,
    stdout: '3 read, 2 erased again, 1 recorded as erased, 0 already erased\n',
  });
  expect(await storedIds([...restored, ...kept])).toEqual([{ id: kept[0] }]);
});
