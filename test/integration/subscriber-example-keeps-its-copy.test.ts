import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { Client } from 'pg';
import { startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { createUser, mutate } from '../testkit/users';
import { startWitness, type Witness } from '../testkit/witness';

const top = resolve(__dirname, '../..');
/** How often the subscriber is killed; `npm run examples:subscriber` kills it more often. */
const kills = Number(process.env['SUBSCRIBER_KILLS'] ?? 3);

let app: TestApp;
let witness: Witness;
let copy: TestDatabase;
let copied: Client;
let rabbitMq: ChannelModel;
let channel: ConfirmChannel;
let queue: string;
let exchange: string;
let subscriber: ChildProcess | undefined;
let output = '';

beforeAll(async () => {
  app = await startTestApp();
  exchange = `${app.amqpPrefix}user.events`;
  queue = `${app.amqpPrefix}customers.users`;
  witness = await startWitness(exchange);
  copy = await createTestDatabase();
  copied = new Client({ connectionString: copy.url });
  await copied.connect();
  rabbitMq = await connect(process.env['TEST_AMQP_URL'] ?? '');
  channel = await rabbitMq.createConfirmChannel();
});

afterAll(async () => {
  await kill();
  await channel?.deleteQueue(queue);
  await rabbitMq?.close();
  await copied?.end();
  await copy?.drop();
  await witness?.close();
  await app?.stop();
});

async function start(): Promise<void> {
  const child = spawn(process.execPath, ['scripts/run.cjs', 'examples/subscriber/subscriber.ts'], {
    cwd: top,
    env: {
      PATH: process.env['PATH'],
      AMQP_URL: process.env['TEST_AMQP_URL'],
      DATABASE_URL: copy.url,
      USER_EVENTS_EXCHANGE: exchange,
      QUEUE: queue,
      GRAPH_URL: `${app.url}/graphql`,
      GRAPH_TOKEN: await app.token({ sub: 'customers', scope: 'users:read' }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  subscriber = child;
  const before = output.length;
  child.stdout?.on('data', (text: Buffer) => {
    output += text.toString();
  });
  await eventually(() => expect(output.slice(before)).toContain('subscribed'), { timeoutMs: 20_000 });
}

async function kill(): Promise<void> {
  if (!subscriber || subscriber.exitCode !== null) return;
  subscriber.kill('SIGKILL');
  await once(subscriber, 'exit');
  subscriber = undefined;
}

const columns = 'id, version, email, first_name, last_name, status';
const storedHere = () => app.sql(`SELECT ${columns} FROM users ORDER BY id`);
const storedThere = async () => (await copied.query(`SELECT ${columns} FROM customers ORDER BY id`)).rows;

/** The copy equals what the service stores. */
async function expectEqual(): Promise<void> {
  await eventually(async () => expect(await storedThere()).toEqual(await storedHere()), {
    timeoutMs: 15_000,
  });
}

/** Changes a user a few times, one after the other, and erases every fourth one in the end. */
async function live(userId: string, index: number): Promise<void> {
  await mutate(app, 'updateUser', { userId, lastName: `Name ${index}` });
  await mutate(app, 'deactivateUser', { userId, reason: 'INACTIVITY' });
  if (index % 2 === 0) await mutate(app, 'reactivateUser', { userId });
  await mutate(app, 'updateEmailPreferences', { userId, newsletter: true }).catch(() => undefined);
  if (index % 4 === 3)
    await mutate(app, 'eraseUser', { userId }, await app.token({ sub: 'officer', scope: 'users:privacy' }));
}

it('the subscriber’s table equals the service’s users although it is killed between events', async () => {
  await start();
  for (let round = 0; round < kills; round += 1) {
    const ids = await Promise.all(
      Array.from({ length: 8 }, async () => (await createUser(app)).id as string),
    );
    const living = Promise.all(ids.map((id, index) => live(id, index)));
    await eventually(async () => expect((await storedThere()).map(({ id }) => id)).toContain(ids[0]));
    await kill();
    await living;
    await start();
  }
  await expectEqual();
  expect((await storedThere()).length).toBe(kills * 6);
}, 300_000);

it('the subscriber reads the graph after a gap in sequence', async () => {
  const { id: userId } = await createUser(app);
  await expectEqual();
  await kill();
  await mutate(app, 'updateUser', { userId, firstName: 'Lost' });
  await eventually(async () => expect((await channel.checkQueue(queue)).messageCount).toBe(1));
  await channel.purgeQueue(queue);
  await start();
  await mutate(app, 'deactivateUser', { userId });
  await expectEqual();
  expect(await storedThere()).toContainEqual(
    expect.objectContaining({ first_name: 'Lost', status: 'DEACTIVATED' }),
  );
  expect(output).toContain(`${userId}: 3 follows 1, so an event is missing`);
});

it('repeated events change nothing, and bring no erased user back', async () => {
  const before = await storedThere();
  for (const { routingKey, event } of witness.events)
    channel.publish(exchange, routingKey, Buffer.from(JSON.stringify(event)), { persistent: true });
  await channel.waitForConfirms();
  const { id } = await createUser(app);
  await eventually(async () => expect((await storedThere()).map((row) => row.id)).toContain(id));
  expect((await storedThere()).filter((row) => row.id !== id)).toEqual(before);
});
