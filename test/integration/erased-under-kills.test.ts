import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { openDevelopmentIssuer } from '../../src/authentication/development-issuer';
import { send } from '../testkit/app';
import { newAmqpPrefix, rabbitMqUrl } from '../testkit/brokers';
import { buildCheckout } from '../testkit/built-checkout';
import { type Collector, startCollector } from '../testkit/collector';
import { type ForeignMessage, orderPlaced, paymentFailed, pointsEarned } from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { namesHolding, type Outside, readEverySink } from '../testkit/every-sink';
import {
  type ServiceProcess,
  type ServiceProcessOptions,
  startServiceProcess,
} from '../testkit/service-processes';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { testRedisPrefix } from '../testkit/test-run';
import { removeTopology, startWitness, type Witness } from '../testkit/witness';

const historyLength = 10_000;
const patient = { timeoutMs: 60_000, intervalMs: 50 };

interface Canary {
  userId: string;
  orderId: string;
  texts: string[];
}

let database: TestDatabase;
let client: Client;
let collector: Collector;
let witness: Witness;
let foreign: ChannelModel;
let channel: ConfirmChannel;
let options: ServiceProcessOptions;
let outside: Outside;
let staff: string;
let officer: string;
const replicas: (ServiceProcess | null)[] = [null, null];
let output = '';
let checkout: string;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
  collector = await startCollector();
  checkout = buildCheckout();
  const directory = mkdtempSync(join(tmpdir(), 'user-service-'));
  const issuer = await openDevelopmentIssuer(join(directory, '.data'));
  staff = await issuer.issueToken({ sub: 'staff', scope: 'users:read users:write' });
  officer = await issuer.issueToken({ sub: 'officer', scope: 'users:privacy' });
  options = {
    databaseUrl: database.url,
    redisUrl: process.env['TEST_REDIS_URL'] ?? '',
    amqpUrl: rabbitMqUrl(),
    redisPrefix: `${testRedisPrefix()}${randomBytes(6).toString('hex')}:`,
    amqpPrefix: newAmqpPrefix(),
    directory,
    program: join(__dirname, '..', 'testkit', 'built-service-process.ts'),
    env: {
      BUILT_CHECKOUT: checkout,
      LOG_LEVEL: 'trace',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url.href.replace(/\/$/, ''),
    },
    onOutput: (text) => {
      output += text;
    },
  };
  outside = { options, collector, output: () => output, running: () => replicas.filter((it) => it !== null) };
  witness = await startWitness(`${options.amqpPrefix}user.events`);
  foreign = await connect(rabbitMqUrl());
  channel = await foreign.createConfirmChannel();
}, 60_000);
afterAll(async () => {
  await Promise.all(outside.running().map((it) => it.kill()));
  await witness.close();
  await foreign.close();
  await removeTopology(options.amqpPrefix);
  await collector.close();
  await client.end();
  await database.drop();
  for (const folder of [options.directory, checkout]) rmSync(folder, { recursive: true, force: true });
}, 60_000);

async function sql<Row>(text: string, parameters: unknown[] = []): Promise<Row[]> {
  return (await client.query(text, parameters)).rows as Row[];
}

const start = async (...which: number[]) => {
  await Promise.all(
    which.map(async (at) => {
      replicas[at] = await startServiceProcess(options);
    }),
  );
};
const kill = async (...which: number[]) => {
  const killed = which.map((at) => replicas[at]);
  for (const at of which) replicas[at] = null;
  await Promise.all(killed.map((it) => it?.kill()));
};
const urlOf = (at: number) => (replicas[at] ?? replicas[1 - at])?.url ?? 'http://127.0.0.1:1';

/** Calls a mutation with the canary in what a request may carry beside it; answers the member of the union. */
async function call(at: number, mutation: string, input: object, token: string, text = 'none'): Promise<any> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${mutation}(input: $input) { __typename } }`;
  const headers = {
    'x-canary': text,
    'user-agent': text,
    cookie: `canary=${text}`,
    referer: `http://${text}/`,
  };
  const { data } = await send(urlOf(at), { query, variables: { input } }, { token, headers });
  return data?.[mutation];
}

const read = (at: number, userId: string) =>
  send(
    urlOf(at),
    {
      query: 'query ($id: ID!) { user(id: $id) { email history(first: 10) { nodes { summary } } } }',
      variables: { id: userId },
    },
    { token: staff },
  );

async function publish(...messages: ForeignMessage[]): Promise<void> {
  for (const { exchange, routingKey, body, properties } of messages)
    channel.publish(`${options.amqpPrefix}${exchange}`, routingKey, body, properties);
  await channel.waitForConfirms();
}

/** A user with a text of one's own in every field that takes one, in what tells of the user, and in what is refused. */
async function createCanary(): Promise<Canary> {
  const text = `kanari${randomBytes(5).toString('hex')}`;
  const phoneNumber = `+49${randomInt(10 ** 9, 10 ** 10)}`;
  const userId = uuidv7();
  const orderId = uuidv7();
  const profile = {
    firstName: text,
    lastName: text,
    displayName: text,
    phoneNumber,
    address: { street: text, city: text, state: text, postalCode: text, country: text },
  };
  const own = { email: `${text}@example.com`, username: `${text}-name`, idempotencyKey: text, ...profile };
  expect(await call(0, 'createUser', { userId, ...own }, staff, text)).toEqual({
    __typename: 'CreateUserSuccess',
  });
  await call(0, 'updateUser', { userId, email: `${text}-new@example.com` }, staff, text);
  await call(1, 'updateEmailPreferences', { userId, newsletter: true, source: text }, staff, text);
  await call(1, 'requestEmailVerification', { userId }, staff, text);
  await call(1, 'deactivateUser', { userId, notes: text }, staff, text);
  await call(0, 'reactivateUser', { userId, notes: text }, staff, text);
  await call(0, 'placeLegalHold', { userId, reason: text }, officer, text);
  await call(0, 'releaseLegalHold', { userId, reason: text }, officer, text);
  // Refused, in every way that there is.
  await call(0, 'createUser', { ...own, idempotencyKey: null, firstName: text.repeat(20) }, staff, text);
  await call(0, 'updateUser', { userId, locale: text, timeZone: text, nobody: text }, staff, text);
  await call(0, 'confirmEmail', { token: text }, staff, text);
  await call(0, 'updateUser', { userId }, text, text);
  await send(urlOf(0), { query: `{ user(id: "${text}") { ${text} } }` }, { token: staff });
  await send(urlOf(0), `{ "query": "${text}`, { token: staff });
  await publish(
    orderPlaced(userId, { orderId, note: text }),
    pointsEarned(userId, { reason: text }),
    paymentFailed(orderId, { errorMessage: text, errorCode: text }),
    // Readable, but for its points; with a header that nobody asked for.
    withHeader(pointsEarned(userId, { points: -1, reason: text }), text),
  );
  await sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), $1::uuid, 'ORDER_PLACED', now(), now(), 'test', $1::text || n, $2, '{}'
     FROM generate_series(1, $3::int) AS n`,
    [userId, text, historyLength],
  );
  return { userId, orderId, texts: [text, phoneNumber] };
}

function withHeader(message: ForeignMessage, text: string): ForeignMessage {
  return { ...message, properties: { ...message.properties, headers: { 'x-canary': text } } };
}

/** Reads and updates of these users on both replicas, whatever becomes of each, until it is told to end. */
function startLoad(canaries: readonly Canary[]): { stop(): Promise<number> } {
  let stopping = false;
  let answered = 0;
  const workers = [0, 1].map(async (at) => {
    for (let turn = 0; !stopping; turn += 1) {
      const { userId, texts } = canaries[turn % canaries.length] as Canary;
      const work =
        turn % 3 === 0
          ? call(at, 'updateUser', { userId, displayName: `${texts[0]} ${turn}` }, staff)
          : read(at, userId);
      // A replica that was just killed answers nothing.
      await work.then(
        () => (answered += 1),
        () => undefined,
      );
    }
  });
  return {
    async stop() {
      stopping = true;
      await Promise.all(workers);
      return answered;
    },
  };
}

/** Has a replica erase the user, and kills it while it is at it; answers whether the erasure was half-way. */
async function eraseAndKill(at: number, { userId }: Canary): Promise<boolean> {
  const asked = call(at, 'eraseUser', { userId }, officer).catch(() => undefined);
  await eventually(
    async () => expect(await sql('SELECT 1 FROM erasures WHERE user_id = $1', [userId])).toHaveLength(1),
    { timeoutMs: 20_000, intervalMs: 1 },
  );
  await kill(at);
  const [erasure] = await sql<{ status: string }>('SELECT status FROM erasures WHERE user_id = $1', [userId]);
  await asked;
  return erasure?.status === 'RUNNING';
}

it('leaves nothing of erased users in any sink, though the service is killed while it erases them under load', async () => {
  await start(0, 1);
  await eventually(async () => {
    const health = outside.running().map(async ({ url }) => (await fetch(`${url}/health/ready`)).json());
    for (const answer of await Promise.all(health)) expect(answer).toEqual({ status: 'ready', degraded: [] });
  }, patient);
  const canaries: Canary[] = [];
  for (let count = 0; count < 3; count += 1) canaries.push(await createCanary());
  const texts = canaries.flatMap((canary) => canary.texts);
  await eventually(
    async () => expect(await sql('SELECT 1 FROM parked_messages')).toHaveLength(canaries.length),
    patient,
  );
  for (const { userId } of canaries) await read(0, userId);
  await kill(0, 1);
  // Nobody takes them from the queue for now; one is about an order that is not known yet.
  for (const {
    userId,
    texts: [text],
  } of canaries)
    await publish(
      pointsEarned(userId, { reason: text }),
      paymentFailed(randomUUID(), { errorMessage: text }),
    );

  const sinks = await readEverySink(outside);
  const databaseSink = [...sinks.keys()][0] as string;
  const names = ['redis', 'queue user-service.history', 'queue user-service.history.parked'];
  const scanned = [
    databaseSink,
    ...names,
    'queue user-service.erasures',
    'logs',
    'metrics',
    'traces',
    'files',
  ];
  expect([...sinks.keys()]).toEqual(scanned);
  for (const text of texts.filter((it) => it.startsWith('kanari')))
    expect(namesHolding(sinks, [text])).toEqual([databaseSink, 'redis', 'queue user-service.history']);
  expect(
    namesHolding(
      sinks,
      texts.filter((it) => it.startsWith('+')),
    ),
  ).toEqual([databaseSink, 'redis']);

  await start(0, 1);
  const load = startLoad(canaries);
  let halfway = 0;
  for (const [turn, canary] of canaries.entries()) {
    if (await eraseAndKill(turn % 2, canary)) halfway += 1;
    await start(turn % 2);
  }
  expect(halfway).toBeGreaterThanOrEqual(2);
  await eventually(async () => {
    expect(await sql(`SELECT status FROM erasures WHERE status = 'COMPLETED'`)).toHaveLength(canaries.length);
    expect(await sql('SELECT 1 FROM outbox_events WHERE published_at IS NULL')).toEqual([]);
  }, patient);
  expect(await load.stop()).toBeGreaterThan(100);

  const late = canaries.flatMap(({ userId, orderId, texts: [text] }) => [
    pointsEarned(userId, { reason: text }),
    paymentFailed(orderId, { errorMessage: text }),
  ]);
  await publish(...late);
  // An event that waits for an order belongs to nobody until that is known: here it turns out to be theirs.
  const waiting = await sql<{ id: string }>('SELECT waits_for_id AS id FROM waiting_events');
  for (const [turn, { id }] of waiting.entries())
    await publish(orderPlaced(canaries[turn % canaries.length]?.userId ?? '', { orderId: id }));
  await eventually(async () => {
    const remembered = await sql<{ id: string }>('SELECT event_id AS id FROM erased_events');
    const wanted = late.map(({ properties }) => properties.messageId);
    expect(remembered.map(({ id }) => id)).toEqual(expect.arrayContaining(wanted));
    expect(await sql('SELECT 1 FROM waiting_events')).toEqual([]);
  }, patient);
  for (const { userId } of canaries) expect((await read(0, userId)).data).toEqual({ user: null });

  await eventually(async () => {
    const after = await readEverySink(outside);
    expect([...after.keys()]).toEqual(scanned);
    expect(namesHolding(after, texts)).toEqual([]);
    // What may be there is found, so the scan looks where it says.
    const [told] = witness.of(canaries[0]?.userId ?? '').filter(({ event }) => event.type === 'UserErased');
    const [seal] = await sql<{ hash: string }>(
      `SELECT encode(hash, 'hex') AS hash FROM audit_seals ORDER BY number LIMIT 1`,
    );
    expect(namesHolding(after, [canaries[0]?.userId ?? ''])).toEqual(
      expect.arrayContaining([databaseSink, 'redis', 'queue user-service.erasures']),
    );
    expect(namesHolding(after, [told?.messageId ?? 'none'])).toEqual(
      expect.arrayContaining([databaseSink, 'queue user-service.erasures', 'traces']),
    );
    expect(namesHolding(after, [seal?.hash ?? 'none'])).toEqual(
      expect.arrayContaining([databaseSink, 'logs']),
    );
    expect(namesHolding(after, ['operation="read"', 'user_service_'])).toContain('metrics');
  }, patient);

  // What others were told before they may hold until they are told of the erasure; after it, nothing goes out.
  for (const { userId } of canaries) {
    const events = witness.of(userId);
    const erased = events.findIndex(({ event }) => event.type === 'UserErased');
    const afterwards = JSON.stringify(events.slice(erased));
    expect({ erased: erased > 0, told: texts.some((text) => afterwards.includes(text)) }).toEqual({
      erased: true,
      told: false,
    });
  }
}, 240_000);
