import { createMetrics } from '../../../src/telemetry/metrics';

describe('metrics', () => {
  it('recordGraphqlRequest counts operations and their durations by name and outcome', async () => {
    const metrics = createMetrics();
    metrics.recordGraphqlRequest('Users', 'success', 0.02);
    metrics.recordGraphqlRequest(undefined, 'error', 0.002);
    metrics.recordGraphqlRequest('Failing', 'error', 0.002);
    metrics.recordGraphqlRequest('Broken', 'refused', 0.001);
    const text = await metrics.registry.metrics();
    expect(text).toContain('user_service_graphql_requests_total{operation="Users",outcome="success"} 1');
    expect(text).toContain('user_service_graphql_requests_total{operation="anonymous",outcome="error"} 1');
    expect(text).toContain('user_service_graphql_requests_total{operation="Failing",outcome="error"} 1');
    expect(text).toContain('user_service_graphql_requests_total{operation="other",outcome="refused"} 1');
    expect(text).toContain(
      'user_service_graphql_duration_seconds_bucket{le="0.025",operation="Users",outcome="success"} 1',
    );
  });

  it('openMetrics has the id of a recorded trace as exemplar, and leaves the other format as it is', async () => {
    const { registry, openMetrics, recordGraphqlRequest } = createMetrics();
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const unsampled = '1af7651916cd43dd8448eb211c80319c';
    recordGraphqlRequest('Users', 'success', 0.02, `00-${traceId}-b7ad6b7169203331-01`);
    recordGraphqlRequest('Users', 'success', 9, `00-${traceId}-b7ad6b7169203331-03`);
    recordGraphqlRequest('Users', 'error', 0.3, `00-${unsampled}-b7ad6b7169203331-00`);
    recordGraphqlRequest('Users', 'error', 0.3, null);
    const text = await openMetrics.metrics();
    const exemplars = text.split('\n').flatMap((line) => / # (.*) [\d.]+$/.exec(line)?.slice(1) ?? []);
    expect(exemplars).toEqual([`{trace_id="${traceId}"} 0.02`, `{trace_id="${traceId}"} 9`]);
    expect(text).toContain('# TYPE user_service_graphql_requests counter\n');
    expect(text).toContain('user_service_graphql_requests_total{operation="Users",outcome="success"} 2\n');
    expect(text).toMatch(/\n# EOF\n$/);
    const plain = await registry.metrics();
    expect(plain).toContain('# TYPE user_service_graphql_requests_total counter\n');
    expect(plain).not.toContain('trace_id');
  });

  it('watchPool reports the current busy, idle and waiting counts', async () => {
    const metrics = createMetrics();
    let state = { total: 10, idle: 4, waiting: 0 };
    metrics.watchPool('requests', () => state);
    state = { total: 10, idle: 1, waiting: 7 };
    const text = await metrics.registry.metrics();
    expect(text).toContain('user_service_pool_connections{pool="requests",state="busy"} 9');
    expect(text).toContain('user_service_pool_connections{pool="requests",state="idle"} 1');
    expect(text).toContain('user_service_pool_connections{pool="requests",state="waiting"} 7');
  });

  it('watchBreaker, watchIntake and watchDependency report the current state', async () => {
    const metrics = createMetrics();
    let isOpen = true;
    metrics.watchBreaker(() => isOpen);
    metrics.watchIntake(() => 7.5);
    metrics.watchDependency('redis', () => !isOpen);
    metrics.watchDependency('postgresql', async () => isOpen);
    for (const [breaker, redis, postgresql] of [
      [1, 0, 1],
      [0, 1, 0],
    ]) {
      const text = await metrics.registry.metrics();
      expect(text).toContain(`user_service_cache_breaker_open ${breaker}\n`);
      expect(text).toContain('user_service_intake_blocked_seconds 7.5\n');
      expect(text).toContain(`user_service_dependency_up{dependency="redis"} ${redis}\n`);
      expect(text).toContain(`user_service_dependency_up{dependency="postgresql"} ${postgresql}\n`);
      isOpen = false;
    }
  });

  it('createMetrics includes the same metrics of Node.js in every registry', async () => {
    const registries = [createMetrics().registry, createMetrics().registry];
    const [one, other] = registries.map((it) => it.getSingleMetric('nodejs_eventloop_lag_p99_seconds'));
    expect(one).toBe(other);
    for (const it of registries) expect(await it.metrics()).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
  });

  it('createMetrics returns independent registries', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.mutations.inc({ mutation: 'createUser', outcome: 'CreateUserSuccess' });
    expect(await one.registry.metrics()).toContain('outcome="CreateUserSuccess"} 1');
    expect(await other.registry.metrics()).not.toContain('CreateUserSuccess');
  });

  it('recordGraphqlRequest uses no id and no address as a label', async () => {
    const metrics = createMetrics();
    const names = ['u_0198c2f4a7b17c3e9f00aabbccddeeff', 'ada@example.com', 'Order_99812', 'x'.repeat(500)];
    for (const name of names) metrics.recordGraphqlRequest(name, 'success', 0.1);
    metrics.mutations.inc({ mutation: 'createUser', outcome: 'EmailTakenError' });
    metrics.cacheRequests.inc({ result: 'hit' });
    for (const metric of await metrics.registry.getMetricsAsJSON()) {
      const values = metric.values.flatMap(({ labels }) => Object.values(labels).map(String));
      for (const value of values) {
        expect(value).not.toMatch(/@|[0-9a-f]{12,}|.{101,}|99812/i);
      }
      const labelNames = metric.values.flatMap(({ labels }) => Object.keys(labels));
      expect(labelNames).not.toEqual(expect.arrayContaining([expect.stringMatching(/id$|email/i)]));
    }
  });
});
