import { v7 as uuidv7 } from 'uuid';
import { openDatabase } from '../../src/data-source';
import { packageVersion } from '../../src/package-root';
import { sampleCounts } from '../../src/postgres/sampled-counts';
import { createLogger } from '../../src/telemetry/logger';
import { createMetrics } from '../../src/telemetry/metrics';
import { userStatuses } from '../../src/users/user.entity';
import { readAlertRules, readDashboardQueries } from '../testkit/alerting';
import { startTestApp, type TestApp } from '../testkit/app';
import { type ForeignService, orderPlaced, startForeignService } from '../testkit/commerce-events';
import { eventually } from '../testkit/eventually';
import { scrape, sumOf } from '../testkit/metrics';
import { isPrometheusInstalled, startPrometheus } from '../testkit/prometheus';
import { readsOf } from '../testkit/promql';
import { newId, storeUsers } from '../testkit/stored-users';
import { buildUser, createUser, mutate } from '../testkit/users';

let app: TestApp;
let commerce: ForeignService | undefined;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await commerce?.close();
  await app.stop();
});

async function metric(name: string, labels: Record<string, string> = {}): Promise<number | null> {
  return sumOf(await scrape(app.url), `user_service_${name}`, labels);
}

it('user_service_build_info has the version of the package and of Node.js', async () => {
  const labels = { version: packageVersion(), node_version: process.version };
  expect(await metric('build_info', labels)).toBe(1);
});

it('the metrics count representations, refusals, cache writes and unroutable events', async () => {
  const { id } = await createUser(app);
  const other = await createUser(app);
  const representations = [
    { __typename: 'User', id },
    { __typename: 'User', id: uuidv7() },
    { __typename: 'Robot', id },
  ];
  const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { id email } } }';
  await app.graphql(query, { r: representations });
  await app.graphql('{ me { id } }', {}, { token: 'not.a.token' });
  await app.graphql('{ users { nodes { id } } }', {}, { token: await app.token({ sub: id }) });
  await app.graphql(`{ ${Array.from({ length: 60 }, (_, at) => `a${at}: __typename`).join(' ')} }`);
  await mutate(app, 'deactivateUser', { userId: other.id });

  const series = await scrape(app.url);
  const count = (name: string, labels: Record<string, string>) =>
    sumOf(series, `user_service_${name}`, labels);
  expect({
    resolved: count('entities_total', { result: 'resolved' }),
    failed: count('entities_total', { result: 'failed' }),
    durations: count('entities_duration_seconds_count', {}),
    unauthenticated: count('refusals_total', { reason: 'UNAUTHENTICATED' }),
    forbidden: count('refusals_total', { reason: 'FORBIDDEN', limit: '' }),
    aliases: count('refusals_total', { reason: 'LIMIT_EXCEEDED', limit: 'aliases' }),
    faults: count('refusals_total', { reason: 'INTERNAL_SERVER_ERROR' }),
    erased: count('events_published_total', { type: 'UserErased', outcome: 'unroutable' }),
  }).toEqual({
    resolved: 2,
    failed: 1,
    durations: 1,
    unauthenticated: 1,
    forbidden: 1,
    aliases: 1,
    faults: 0,
    erased: 0,
  });
  expect(count('cache_writes_total', { result: 'stored' })).toBeGreaterThanOrEqual(2);
  // No queue is bound in this test.
  await eventually(async () =>
    expect(await metric('events_published_total', { type: 'UserDeactivated', outcome: 'unroutable' })).toBe(
      1,
    ),
  );
});

it('the metrics count mutations by their result, and those that fail as faults', async () => {
  const outcomesOf = async (input: object) => {
    await app.graphql(
      'mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }',
      { input },
      { token: app.staff },
    );
    const outcomes = ['CreateUserSuccess', 'EmailTakenError', 'fault'];
    const counts = outcomes.map((outcome) => metric('mutations_total', { mutation: 'createUser', outcome }));
    return (await Promise.all(counts)).map((count) => count ?? 0);
  };
  const input = buildUser();
  const [created = 0] = await outcomesOf(input);
  expect(await outcomesOf(input)).toEqual([created, 1, 0]);
  await app.sql(`ALTER TABLE users ADD CONSTRAINT refused CHECK (first_name <> 'Mallory')`);
  expect(await outcomesOf(buildUser({ firstName: 'Mallory' }))).toEqual([created, 1, 1]);
  await app.sql('ALTER TABLE users DROP CONSTRAINT refused');
});

it('the metrics describe folded events and audit seals', async () => {
  const neighbour = await startForeignService(app);
  commerce = neighbour;
  const { id } = await createUser(app);
  await neighbour.publish(orderPlaced(id, { placedAt: '2026-03-02T10:00:00Z' }));
  await eventually(async () => expect(await metric('events_fold_delay_seconds_count')).toBe(1));
  await neighbour.publish(orderPlaced(id, { placedAt: '2026-03-01T10:00:00Z' }));
  await eventually(async () => expect(await metric('events_late_total', { type: 'OrderPlaced' })).toBe(1));
  expect(await metric('consumer_batch_size_count')).toBeGreaterThanOrEqual(2);
  expect(await metric('users', { status: 'ACTIVE' })).toBe(0);
  for (const name of ['erasures_running', 'erasures_oldest_seconds', 'parked_messages'])
    expect([name, await metric(name)]).toEqual([name, 0]);
  expect(await metric('audit_unsealed_entries')).toBeGreaterThanOrEqual(0);
  expect(await metric('audit_seal_lag_seconds')).toBeLessThan(30);
});

it('sampleCounts counts a small table exactly, and estimates a large one from a part of it', async () => {
  const database = openDatabase(app.databaseUrl, createLogger({ level: 'silent' }), 1);
  await database.connect();
  const byStatus = { table: 'users', column: 'status', values: userStatuses };
  try {
    const [stored] = await app.sql<Record<string, number>>(
      `SELECT count(*) FILTER (WHERE status = 'ACTIVE')::int AS "ACTIVE",
         count(*) FILTER (WHERE status = 'DEACTIVATED')::int AS "DEACTIVATED" FROM users`,
    );
    expect(await sampleCounts(database, byStatus)).toEqual({ PENDING: 0, ...stored });
    expect(stored).toMatchObject({ DEACTIVATED: 1 });
    const many = Array.from({ length: 3_000 }, () => ({ id: newId('ACTIVE'), state: 'ACTIVE' as const }));
    await storeUsers(app, many);
    const { ACTIVE } = await sampleCounts(database, { ...byStatus, pages: 40 });
    expect(Math.abs((ACTIVE ?? 0) - 3_000)).toBeLessThan(1_500);
  } finally {
    await database.close();
  }
});

describe('the queries of the dashboard and the alert rules', () => {
  const queries = [
    ...readDashboardQueries(),
    ...readAlertRules().map(({ alert, expr }) => ({ panel: alert, query: expr })),
  ];

  it('read only metrics and labels that the service exports', async () => {
    const text = await (await fetch(`${app.url}/metrics`)).text();
    const exported = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' || type === 'summary'
        ? ['bucket', 'sum', 'count'].map((it) => `${name}_${it}`)
        : [name],
    );
    // Prometheus adds the instance.
    const labels = new Set(['instance', 'le']);
    for (const { labelNames } of createMetrics().registry.getMetricsAsArray() as unknown as {
      labelNames: string[];
    }[])
      for (const label of labelNames) labels.add(label);
    for (const { panel, query } of queries) {
      const reads = readsOf(query);
      expect({ panel, missing: reads.metrics.filter((name) => !exported.includes(name)) }).toEqual({
        panel,
        missing: [],
      });
      expect({ panel, missing: reads.labels.filter((name) => !labels.has(name)) }).toEqual({
        panel,
        missing: [],
      });
    }
  });

  const installed = isPrometheusInstalled();
  it(`${installed ? 'are evaluated by Prometheus' : 'would be evaluated by Prometheus, which is not installed here'}`, async () => {
    if (!installed) return;
    const prometheus = await startPrometheus(app.url);
    try {
      await eventually(
        async () => expect(await prometheus.query('rate(process_cpu_seconds_total[1m])')).toHaveLength(1),
        {
          timeoutMs: 10_000,
        },
      );
      const results = new Map<string, number>();
      for (const { panel, query } of queries)
        results.set(panel, (results.get(panel) ?? 0) + (await prometheus.query(query)).length);
      const empty = [...results].filter(([, count]) => count === 0).map(([panel]) => panel);
      const alerts = readAlertRules().map(({ alert }) => alert);
      // Retention has not run yet in a service that has just started.
      const notYet = ['Time since retention succeeded', 'Records removed by retention'];
      expect(empty.filter((panel) => !alerts.includes(panel) && !notYet.includes(panel))).toEqual([]);
    } finally {
      await prometheus.stop();
    }
  });
});
