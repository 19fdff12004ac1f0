import { pause } from '../../src/scheduling/pause';
import { type GraphQLResponse, startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { buildUser, createUser, mutate } from '../testkit/users';

let database: TestDatabase;
let postgres: TcpProxy;
let redis: TcpProxy;
let rabbitmq: TcpProxy;
/** The app without Redis at times. */
let app: TestApp;
/** The app without PostgreSQL at times. */
let unstored: TestApp;
/** The app without RabbitMQ at times. */
let unconnected: TestApp;
let userId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  postgres = await startTcpProxy(database.url);
  redis = await startTcpProxy(process.env['TEST_REDIS_SERVER_URL'] ?? '');
  rabbitmq = await startTcpProxy(process.env['TEST_AMQP_URL'] ?? '');
  // RabbitMQ counts as frozen after two missed heartbeats.
  const amqpUrl = `${rabbitmq.url}?heartbeat=1`;
  [app, unstored, unconnected] = await Promise.all([
    startTestApp({ config: { redisUrl: redis.url } }),
    startTestApp({ config: { databaseUrl: postgres.url } }),
    startTestApp({ config: { amqpUrl } }),
  ]);
  ({ id: userId } = await createUser(app));
  startOutages();
});
afterAll(async () => {
  await Promise.all([app, unstored, unconnected].map((it) => it.stop()));
  await Promise.all([postgres, redis, rabbitmq].map((proxy) => proxy.close()));
  await database.drop();
});

const troubles = [
  ['stopped', (proxy: TcpProxy) => proxy.stop()],
  ['frozen', async (proxy: TcpProxy) => proxy.freeze()],
] as const;
type Trouble = (typeof troubles)[number];

const postgresOutages = new Map<string, Promise<void>>();
const rabbitMqOutages = new Map<string, Promise<void>>();

/** Starts the outages of PostgreSQL and RabbitMQ, each on an app of its own: a test is mostly waiting for a timeout. */
function startOutages(): void {
  for (const [outages, work] of [
    [postgresOutages, outageOfPostgres],
    [rabbitMqOutages, outageOfRabbitMq],
  ] as const) {
    let last = Promise.resolve();
    for (const [name, trouble] of troubles) {
      last = last.then(() => work(trouble));
      outages.set(name, last);
      // Its test awaits it later.
      last.catch(() => undefined);
    }
  }
}

async function outageOfPostgres(trouble: Trouble[1]): Promise<void> {
  const listUsers = list(unstored);
  await eventually(async () => expect(await readiness(unstored)).toEqual(ready), patient);
  const asking = load(listUsers, write(unstored), listUsers);
  await trouble(postgres);
  await eventually(async () => expect((await readiness(unstored)).status).toBe(503), patient);
  const during = await timed(listUsers);
  expect(during.response.status).toBe(503);
  expect(during.response.errors.map(({ extensions }) => extensions['code'])).toEqual(['SERVICE_UNAVAILABLE']);
  expect((await fetch(`${unstored.url}/health/live`)).status).toBe(200);
  await postgres.resume();
  await eventually(async () => expect((await listUsers()).errors).toEqual([]), patient);
  await eventually(async () => expect(await readiness(unstored)).toEqual(ready), patient);

  const responses = await asking.finish();
  const codes = new Set(
    responses.flatMap(({ response }) => response.errors.map(({ extensions }) => extensions['code'])),
  );
  expect([...codes]).toEqual(['SERVICE_UNAVAILABLE']);
  expect(Math.max(...responses.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(5_000);
}

async function outageOfRabbitMq(trouble: Trouble[1]): Promise<void> {
  const pendingEvents = async (id: string) => {
    const rows = await unconnected.sql(
      'SELECT 1 FROM outbox_events WHERE user_id = $1 AND published_at IS NULL',
      [id],
    );
    return rows.length;
  };
  await eventually(async () => expect(await readiness(unconnected)).toEqual(ready), patient);
  await trouble(rabbitmq);
  const created = await createUser(unconnected);
  const degraded = { status: 200, body: { status: 'ready', degraded: ['rabbitmq'] } };
  await eventually(async () => expect(await readiness(unconnected)).toEqual(degraded), patient);
  expect(await pendingEvents(created.id)).toBeGreaterThan(0);
  await rabbitmq.resume();
  await eventually(async () => expect(await pendingEvents(created.id)).toBe(0), patient);
}

/** Timeouts and back-off take seconds. */
const patient = { timeoutMs: 20_000 };

interface Timed {
  response: GraphQLResponse;
  elapsedMs: number;
}

async function timed(work: () => Promise<GraphQLResponse>): Promise<Timed> {
  const startedAtMs = performance.now();
  const response = await work();
  return { response, elapsedMs: performance.now() - startedAtMs };
}

const read = (of: TestApp) => () =>
  of.graphql('query ($id: ID!) { user(id: $id) { id email } }', { id: userId }, { token: of.staff });
const write = (of: TestApp) => () =>
  of.graphql(
    'mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }',
    { input: buildUser() },
    { token: of.staff },
  );
const list = (of: TestApp) => () =>
  of.graphql('{ users(first: 1) { nodes { id } } }', {}, { token: of.staff });

/** Sends requests concurrently until `finish`, which returns all responses. */
function load(...kinds: (() => Promise<GraphQLResponse>)[]): { finish(): Promise<Timed[]> } {
  const finishing = new AbortController();
  const responses: Timed[] = [];
  const workers = kinds.map(async (kind) => {
    while (!finishing.signal.aborted) {
      responses.push(await timed(kind));
      // Without a pause the load would measure this machine.
      await pause(10, finishing.signal);
    }
  });
  return {
    async finish() {
      finishing.abort();
      await Promise.all(workers);
      return responses;
    },
  };
}

const readiness = async (of: TestApp) => {
  const response = await fetch(`${of.url}/health/ready`);
  return { status: response.status, body: await response.json() };
};
const ready = { status: 200, body: { status: 'ready', degraded: [] } };

describe('without Redis, the service', () => {
  it.each(troubles)('fails no request while it is %s, and recovers', async (_, trouble) => {
    await eventually(async () => expect(await readiness(app)).toEqual(ready), patient);
    const asking = load(read(app), write(app), list(app));
    await trouble(redis);
    await eventually(
      async () =>
        expect(await readiness(app)).toEqual({
          status: 200,
          body: { status: 'ready', degraded: ['redis'] },
        }),
      patient,
    );
    // An open circuit breaker adds almost no latency.
    const open = await Promise.all(Array.from({ length: 5 }, () => timed(read(app))));
    await redis.resume();
    await eventually(async () => expect(await readiness(app)).toEqual(ready), patient);

    const responses = [...(await asking.finish()), ...open];
    expect(responses.filter(({ response }) => response.errors.length > 0)).toEqual([]);
    expect(Math.max(...responses.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(2_000);
  });

  it('returns a change made during the outage once Redis is back', async () => {
    await read(app)();
    await redis.stop();
    await mutate(app, 'updateUser', { userId, displayName: 'Changed without Redis' });
    await redis.resume();
    await eventually(async () => expect(await readiness(app)).toEqual(ready), patient);
    const { data } = await app.graphql(
      'query ($id: ID!) { user(id: $id) { displayName } }',
      { id: userId },
      { token: app.staff },
    );
    expect(data.user.displayName).toBe('Changed without Redis');
  });
});

describe('without RabbitMQ, the service', () => {
  it.each(troubles)(
    'completes mutations while it is %s, and publishes the backlog afterwards',
    async (trouble) => {
      await expect(rabbitMqOutages.get(trouble)).resolves.toBeUndefined();
    },
    60_000,
  );
});

describe('without PostgreSQL, the service', () => {
  it.each(troubles)(
    'responds SERVICE_UNAVAILABLE in time while it is %s, and recovers',
    async (trouble) => {
      await expect(postgresOutages.get(trouble)).resolves.toBeUndefined();
    },
    60_000,
  );

  it('logs why each operation failed', async () => {
    await Promise.all(postgresOutages.values());
    const failures = unstored.logged.filter(({ msg }) => msg === 'a backing service is unavailable');
    expect(failures).not.toEqual([]);
    for (const failure of failures)
      expect(failure).toMatchObject({
        err: { name: 'DatabaseUnavailableError', cause: { name: expect.any(String) } },
      });
  }, 60_000);
});

describe('startApp', () => {
  it('waits for its backing services in any order', async () => {
    const fresh = await createTestDatabase();
    const late = await startTcpProxy(fresh.url);
    await late.stop();
    await redis.stop();
    await rabbitmq.stop();
    const starting = startTestApp({
      config: { databaseUrl: late.url, redisUrl: redis.url, amqpUrl: rabbitmq.url },
    });
    await rabbitmq.resume();
    await late.resume();
    const second = await starting;
    await createUser(second);
    await redis.resume();
    await eventually(async () => {
      const response = await fetch(`${second.url}/health/ready`);
      expect(await response.json()).toEqual({ status: 'ready', degraded: [] });
    }, patient);
    await second.stop();
    await late.close();
    await fresh.drop();
  });
});
