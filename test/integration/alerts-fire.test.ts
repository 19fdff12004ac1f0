import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics';
import { createUpkeep } from '../../src/upkeep';
import { AlertWatch, readAlertRules } from '../testkit/alerting';
import { startTestApp, type TestApp } from '../testkit/app';
import { type ForeignService, orderPlaced, startForeignService } from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { type JwksServer, startJwksServer } from '../testkit/jwks-server';
import { scrape, sumOf } from '../testkit/metrics';
import { createReplicaServices, keepsEverything } from '../testkit/retention';
import { startTcpProxy, type TcpProxy } from '../testkit/tcp-proxy';
import { createTestDatabase, type TestDatabase } from '../testkit/test-database';
import { createUser, mutate, tryMutation } from '../testkit/users';

let database: TestDatabase;
let postgres: TcpProxy;
let redis: TcpProxy;
let rabbitmq: TcpProxy;
let jwks: JwksServer;
let app: TestApp;
let others: ForeignService;
let url: string | undefined;
/** Also shows in the durations that jest prints for these tests. */
let aheadMs = 0;
/** Lets time seem to pass for ages, windows of queries and samples of the metrics. */
const later = (minutes: number) => {
  aheadMs += minutes * 60_000;
};
const watch = new AlertWatch(
  async () => (await fetch(`${url}/metrics`)).text(),
  () => Date.now() + aheadMs,
);
/** The names of the alerts that a test made fire. */
const fired = new Set<string>();

/** Waits until each of these alerts has fired. */
async function expectToFire(alerts: readonly string[], of = watch): Promise<void> {
  const seen = new Set<string>();
  await eventually(
    async () => {
      later(1);
      for (const alert of await of.firing()) seen.add(alert);
      expect([...seen]).toEqual(expect.arrayContaining([...alerts]));
    },
    { timeoutMs: 10_000 },
  );
  for (const alert of alerts) fired.add(alert.split(' ')[0] ?? '');
}

/** Waits until no alert fires. Retention has no run in the time that only seems to pass. */
async function expectAllResolved(): Promise<void> {
  later(121);
  await eventually(
    async () => {
      later(1);
      const firing = await watch.firing();
      expect(firing.filter((alert) => alert !== 'UserServiceRetentionStale')).toEqual([]);
    },
    { timeoutMs: 10_000 },
  );
}

beforeAll(async () => {
  const monotonic = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => monotonic() + aheadMs);
  database = await createTestDatabase();
  postgres = await startTcpProxy(database.url);
  redis = await startTcpProxy(process.env['TEST_REDIS_SERVER_URL'] ?? '');
  rabbitmq = await startTcpProxy(process.env['TEST_AMQP_URL'] ?? '');
  jwks = await startJwksServer();
});
afterAll(async () => {
  jest.restoreAllMocks();
  await others.close();
  await app.stop();
  await Promise.all([postgres, redis, rabbitmq].map((proxy) => proxy.close()));
  await jwks.server.close();
  await database.drop();
});
afterEach(async () => {
  // Also after a failure.
  await Promise.all([postgres, redis, rabbitmq].map((proxy) => proxy.resume()));
});

const list = () => app.graphql('{ users(first: 1) { nodes { id } } }', {}, { token: app.staff });

/** Runs the background work of another replica, retention without a pause, during `test`. */
async function withUpkeep(metrics: Metrics, test: () => Promise<void>): Promise<void> {
  const log = createLogger({ level: 'silent' });
  const replica = openDatabase(app.databaseUrl, log, 2);
  await replica.connect();
  const upkeep = createUpkeep({
    services: createReplicaServices(replica, metrics),
    background: replica,
    removals: replica,
    policy: { ...keepsEverything, RETENTION_DEACTIVATED_DAYS: 30 },
    inactivityRule: null,
    metrics,
    log,
    retentionIntervalMs: 10,
  });
  upkeep.start();
  try {
    await test();
  } finally {
    await upkeep.stop();
    await replica.close();
  }
}

it('UserServiceAbsent fires until the service runs, then UserServiceDependencyDown until it has keys', async () => {
  await expectToFire(['UserServiceAbsent']);
  const keys = await (await fetch(jwks.jwksUrl)).json();
  jwks.server.always({ status: 503, body: {} });
  const { jwksUrl, issuer, audience } = jwks;
  const started = await startTestApp({
    config: {
      databaseUrl: postgres.url,
      redisUrl: redis.url,
      amqpUrl: rabbitmq.url,
      authentication: { jwksUrl: jwksUrl.href, issuer, audience },
    },
  });
  app = { ...started, staff: await jwks.issueToken('staff', 'users:read users:write users:privacy') };
  url = app.url;
  await expectToFire(['UserServiceDependencyDown keys']);
  expect(await (await fetch(`${url}/health/ready`)).json()).toMatchObject({
    degraded: expect.arrayContaining(['keys']),
  });
  jwks.server.always({ status: 200, body: keys });
  await expectAllResolved();
  others = await startForeignService(app);
});

it('UserServiceDependencyDown fires while Redis is stopped', async () => {
  await redis.stop();
  await expectToFire(['UserServiceDependencyDown redis']);
  expect(sumOf(await scrape(app.url), 'user_service_cache_breaker_open')).toBe(1);
  await redis.resume();
  await expectAllResolved();
});

it('UserServiceOutboxStale fires while RabbitMQ is stopped and an event waits', async () => {
  await rabbitmq.stop();
  const { id } = await createUser(app);
  await app.sql(`UPDATE outbox_events SET occurred_at = occurred_at - interval '61 s' WHERE user_id = $1`, [
    id,
  ]);
  await expectToFire(['UserServiceDependencyDown rabbitmq', 'UserServiceOutboxStale']);
  await rabbitmq.resume();
  await expectAllResolved();
});

it('UserServiceEventUnroutable fires for a deactivation when no queue is bound', async () => {
  const { id: userId } = await createUser(app);
  await mutate(app, 'deactivateUser', { userId });
  await expectToFire(['UserServiceEventUnroutable UserDeactivated']);
  await expectAllResolved();
});

it('UserServiceDatabaseDown and UserServiceUnavailable fire while PostgreSQL is stopped', async () => {
  await postgres.stop();
  await list();
  await expectToFire(['UserServiceDatabaseDown']);
  await list();
  await expectToFire(['UserServiceUnavailable']);
  await postgres.resume();
  await expectAllResolved();
});

it('UserServicePoolExhausted fires while PostgreSQL is frozen, and UserServiceSlow afterwards', async () => {
  await list();
  await watch.firing();
  postgres.freeze();
  const requests = Array.from({ length: 15 }, list);
  const waiting = { pool: 'requests', state: 'waiting' };
  await eventually(async () =>
    expect(sumOf(await scrape(app.url), 'user_service_pool_connections', waiting)).toBeGreaterThan(0),
  );
  later(6);
  await expectToFire(['UserServicePoolExhausted requests']);
  await postgres.resume();
  await Promise.all(requests);
  await expectToFire(['UserServiceSlow']);
  await expectAllResolved();
});

it('UserServiceEventLoopBlocked fires after code has blocked the event loop', async () => {
  const untilMs = Date.now() + 250;
  while (Date.now() < untilMs);
  await expectToFire(['UserServiceEventLoopBlocked']);
  await expectAllResolved();
});

it('UserServiceMessagesParked fires for a message that cannot be folded', async () => {
  await others.publish(orderPlaced(uuidv7(), { total: null }));
  await expectToFire(['UserServiceMessagesParked']);
  await expectAllResolved();
});

it('UserServiceEventsWaiting fires for an order whose user does not exist for a day', async () => {
  const userId = uuidv7();
  await others.publish(orderPlaced(userId));
  await eventually(async () =>
    expect(
      await app.sql(`UPDATE waiting_events SET received_at = now() - interval '25 h' RETURNING 1`),
    ).toHaveLength(1),
  );
  await expectToFire(['UserServiceEventsWaiting']);
  await createUser(app, { userId });
  await expectAllResolved();
});

it('UserServiceFaults, UserServiceIntakeBlocked and those of erasures fire while a table is missing', async () => {
  const { id } = await createUser(app);
  const { id: userId } = await createUser(app);
  await app.sql('ALTER TABLE user_orders RENAME TO hidden_orders');
  await others.publish(orderPlaced(id));
  const exported = await tryMutation(app, 'exportUserData', { userId: id });
  expect(exported.errors[0]?.extensions['code']).toBe('INTERNAL_SERVER_ERROR');
  expect(await mutate(app, 'eraseUser', { userId, reason: 'requested' })).toMatchObject({
    erasure: { status: 'RUNNING' },
  });
  await app.sql(`UPDATE erasures SET requested_at = now() - interval '61 min'`);
  await expectToFire([
    'UserServiceFaults',
    'UserServiceIntakeBlocked',
    'UserServiceErasureFailing',
    'UserServiceErasureOverdue',
  ]);
  await app.sql('ALTER TABLE hidden_orders RENAME TO user_orders');
  await expectAllResolved();
});

it('UserServiceAuditUnsealed fires while no seal can be written', async () => {
  await app.sql('ALTER TABLE audit_seals RENAME TO hidden_seals');
  await createUser(app);
  await app.sql(`BEGIN; SET LOCAL session_replication_role = replica;
    UPDATE audit_entries SET at = at - interval '301 s' WHERE id IN (SELECT entry_id FROM audit_unsealed);
    COMMIT`);
  await expectToFire(['UserServiceAuditUnsealed']);
  await app.sql('ALTER TABLE hidden_seals RENAME TO audit_seals');
  // Another replica seals when it starts.
  await withUpkeep(createMetrics(), expectAllResolved);
});

it('UserServiceRetentionFailing and UserServiceRetentionStale fire while a user cannot be removed', async () => {
  const { id: userId } = await createUser(app);
  await mutate(app, 'deactivateUser', { userId });
  await app.sql(`UPDATE users SET status_changed_at = now() - interval '31 days' WHERE id = $1`, [userId]);
  await app.sql(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$`,
  );
  await app.sql('CREATE TRIGGER refuse BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION refuse()');
  const metrics = createMetrics();
  metrics.buildInfo.set({}, 1);
  const watchIn = (minutes: number) =>
    new AlertWatch(
      () => metrics.registry.metrics(),
      () => Date.now() + minutes * 60_000,
    );
  await withUpkeep(metrics, async () => {
    await expectToFire(['UserServiceRetentionFailing users', 'UserServiceRetentionStale'], watchIn(121));
    await app.sql('DROP FUNCTION refuse CASCADE');
    await eventually(async () => expect(await watchIn(119).firing()).toEqual([]));
  });
});

it('every alert has fired', () => {
  expect([...fired].sort()).toEqual(
    readAlertRules()
      .map(({ alert }) => alert)
      .sort(),
  );
});
