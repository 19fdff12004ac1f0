import { type GraphQLResponse, startTestApp, type TestApp } from '../testkit/app';
import { eventually } from '../testkit/eventually';
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { buildUser, createUser, mutate } from '../testkit/users';

let database: TestDatabase;
let postgres: TcpProxy;
let redis: TcpProxy;
let rabbitmq: TcpProxy;
let app: TestApp;
/** The app without RabbitMQ at times. */
let unconnected: TestApp;
let userId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  postgres = await startTcpProxy(database.url);
  redis = await startTcpProxy(process.env['TEST_REDIS_URL'] ?? '');
  rabbitmq = await startTcpProxy(process.env['TEST_AMQP_URL'] ?? '');
  app = await startTestApp({
    config: { databaseUrl: postgres.url, redisUrl: redis.url },
  });
  unconnected = await startTestApp({ config: { amqpUrl: rabbitmq.url } });
  ({ id: userId } = await createUser(app));
  startOutages();
});
afterAll(async () => {
  await app.stop();
  await unconnected.stop();
  await Promise.all([postgres, redis, rabbitmq].map((proxy) => proxy.close()));
  await database.drop();
});

const troubles = [
  ['stopped', (proxy: TcpProxy) => proxy.stop()],
  ['frozen', async (proxy: TcpProxy) => proxy.freeze()],
] as const;

/** The outages of RabbitMQ, one after the other. */
const outages = new Map<string, Promise<void>>();

/** Starts the outages with an app of their own while other tests run: a frozen connection is noticed after seconds. */
function startOutages(): void {
  let last = Promise.resolve();
  for (const [name, trouble] of troubles) {
    last = last.then(() => outageOfRabbitMq(trouble));
    outages.set(name, last);
    // Its test awaits it later.
    last.catch(() => undefined);
  }
}

async function outageOfRabbitMq(trouble: (proxy: TcpProxy) => Promise<void>): Promise<void> {
  const pendingEvents = async (id: string) => {
    const rows = await unconnected.sql(
      'SELECT 1 FROM outbox_events WHERE user_id = $1 AND published_at IS NULL',
      [id],
    );
    return rows.length;
  };
  await eventually(async () => expect(await readiness(unconnected)).toEqual(ready), { timeoutMs: 15_000 });
  await trouble(rabbitmq);
  const created = await createUser(unconnected);
  const degraded = { status: 200, body: { status: 'ready', degraded: ['rabbitmq'] } };
  await eventually(async () => expect(await readiness(unconnected)).toEqual(degraded), { timeoutMs: 20_000 });
  expect(await pendingEvents(created.id)).toBeGreaterThan(0);
  await rabbitmq.resume();
  await eventually(async () => expect(await pendingEvents(created.id)).toBe(0), { timeoutMs: 15_000 });
}

interface Timed {
  response: GraphQLResponse;
  elapsedMs: number;
}

async function timed(work: () => Promise<GraphQLResponse>): Promise<Timed> {
  const startedAtMs = performance.now();
  const response = await work();
  return { response, elapsedMs: performance.now() - startedAtMs };
}

const read = () =>
  app.graphql('query ($id: ID!) { user(id: $id) { id email } }', { id: userId }, { token: app.staff });
const write = () =>
  app.graphql(
    'mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }',
    { input: buildUser() },
    { token: app.staff },
  );
const list = () => app.graphql('{ users(first: 1) { nodes { id } } }', {}, { token: app.staff });

/** Sends requests concurrently until `finish`, which returns all responses. */
function load(...kinds: (() => Promise<GraphQLResponse>)[]): { finish(): Promise<Timed[]> } {
  let running = true;
  const responses: Timed[] = [];
  const workers = kinds.map(async (kind) => {
    while (running) responses.push(await timed(kind));
  });
  return {
    async finish() {
      running = false;
      await Promise.all(workers);
      return responses;
    },
  };
}

const readiness = async (of = app) => {
  const response = await fetch(`${of.url}/health/ready`);
  return { status: response.status, body: await response.json() };
};
const ready = { status: 200, body: { status: 'ready', degraded: [] } };

describe('without PostgreSQL, the service', () => {
  it.each(troubles)(
    'responds SERVICE_UNAVAILABLE in time while it is %s, and recovers',
    async (_, trouble) => {
      await eventually(async () => expect(await readiness()).toEqual(ready));
      const asking = load(list, write, list);
      await trouble(postgres);
      await eventually(async () => expect((await readiness()).status).toBe(503), { timeoutMs: 10_000 });
      const during = await timed(list);
      expect(during.response.status).toBe(503);
      expect(during.response.errors.map(({ extensions }) => extensions['code'])).toEqual([
        'SERVICE_UNAVAILABLE',
      ]);
      expect((await fetch(`${app.url}/health/live`)).status).toBe(200);
      await postgres.resume();
      await eventually(async () => expect((await list()).errors).toEqual([]), { timeoutMs: 10_000 });
      await eventually(async () => expect(await readiness()).toEqual(ready), { timeoutMs: 10_000 });

      const responses = await asking.finish();
      const codes = new Set(
        responses.flatMap(({ response }) => response.errors.map(({ extensions }) => extensions['code'])),
      );
      expect([...codes]).toEqual(['SERVICE_UNAVAILABLE']);
      expect(Math.max(...responses.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(5_000);
    },
  );
});

describe('without Redis, the service', () => {
  it.each(troubles)('fails no request while it is %s, and recovers', async (_, trouble) => {
    await eventually(async () => expect(await readiness()).toEqual(ready));
    const asking = load(read, write, list);
    await trouble(redis);
    await eventually(async () =>
      expect(await readiness()).toEqual({ status: 200, body: { status: 'ready', degraded: ['redis'] } }),
    );
    // An open circuit breaker adds almost no latency.
    const open = await Promise.all(Array.from({ length: 5 }, () => timed(read)));
    await redis.resume();
    await eventually(async () => expect(await readiness()).toEqual(ready), { timeoutMs: 10_000 });

    const responses = [...(await asking.finish()), ...open];
    expect(responses.filter(({ response }) => response.errors.length > 0)).toEqual([]);
    expect(Math.max(...responses.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(2_000);
  });

  it('returns a change made during the outage once Redis is back', async () => {
    await read();
    await redis.stop();
    await mutate(app, 'updateUser', { userId, displayName: 'Changed without Redis' });
    await redis.resume();
    await eventually(async () => expect(await readiness()).toEqual(ready), { timeoutMs: 10_000 });
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
      await expect(outages.get(trouble)).resolves.toBeUndefined();
    },
    60_000,
  );
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
    await eventually(
      async () => {
        const response = await fetch(`${second.url}/health/ready`);
        expect(await response.json()).toEqual({ status: 'ready', degraded: [] });
      },
      { timeoutMs: 15_000 },
    );
    await second.stop();
    await late.close();
    await fresh.drop();
  });
});
