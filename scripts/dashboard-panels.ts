/** One panel: its title, unit and queries by legend. A legend `{{label}}` shows the value of a label. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly kind: 'stat' | 'timeseries';
  readonly queries: Readonly<Record<string, string>>;
}

/** Replaced by the filter of the dashboard's variable. */
const own = '{instance=~"$instance"}';
const rate = (metric: string) => `rate(${metric}${own}[$__rate_interval])`;
const increase = (metric: string) => `increase(${metric}${own}[$__rate_interval])`;
const panel = (
  title: string,
  unit: string,
  queries: Panel['queries'],
  kind: Panel['kind'] = 'timeseries',
): Panel => ({ title, unit, kind, queries });
const quantile = (q: number, metric: string, by = '') =>
  `histogram_quantile(${q}, sum by (le${by}) (${rate(`${metric}_bucket`)}))`;

/** The panels of each row, from top to bottom. */
export const rows: Readonly<Record<string, readonly Panel[]>> = {
  Requests: [
    panel('Operations by outcome', 'reqps', {
      '{{outcome}}': `sum by (outcome) (${rate('user_service_graphql_requests_total')})`,
    }),
    panel('Duration of operations', 's', {
      p50: quantile(0.5, 'user_service_graphql_duration_seconds'),
      p95: quantile(0.95, 'user_service_graphql_duration_seconds'),
      p99: quantile(0.99, 'user_service_graphql_duration_seconds'),
    }),
    panel('Slowest operations (p99)', 's', {
      '{{operation}}': `topk(10, ${quantile(0.99, 'user_service_graphql_duration_seconds', ', operation')})`,
    }),
    panel('Representations of _entities', 'ops', {
      '{{result}}': `sum by (result) (${rate('user_service_entities_total')})`,
    }),
    panel('Duration of _entities', 's', {
      p50: quantile(0.5, 'user_service_entities_duration_seconds'),
      p99: quantile(0.99, 'user_service_entities_duration_seconds'),
    }),
    panel('Mutations by outcome', 'ops', {
      '{{mutation}} {{outcome}}': `sum by (mutation, outcome) (${rate('user_service_mutations_total')})`,
    }),
    panel('Refusals and faults by reason', 'ops', {
      '{{reason}} {{limit}}': `sum by (reason, limit) (${rate('user_service_refusals_total')})`,
    }),
    panel('HTTP responses of /graphql by status', 'reqps', {
      '{{status}}':
        'sum by (status) (rate(user_service_http_requests_total{instance=~"$instance",route="/graphql"}[$__rate_interval]))',
    }),
    panel('Cache reads by result', 'ops', {
      '{{result}}': `sum by (result) (${rate('user_service_cache_requests_total')})`,
    }),
    panel('Cache writes by result', 'ops', {
      '{{result}}': `sum by (result) (${rate('user_service_cache_writes_total')})`,
      'replicas that bypass Redis': `sum(user_service_cache_breaker_open${own})`,
    }),
    panel('Share of operations that ran prepared', 'percentunit', {
      prepared: `sum(${rate('user_service_graphql_prepared_reads_total')}) / sum(${rate('user_service_graphql_requests_total')})`,
    }),
  ],
  Events: [
    panel('Published events by outcome', 'ops', {
      '{{outcome}}': `sum by (outcome) (${rate('user_service_events_published_total')})`,
    }),
    panel('Events without a queue', 'short', {
      '{{type}}':
        'sum by (type) (increase(user_service_events_published_total{instance=~"$instance",outcome="unroutable"}[$__rate_interval]))',
    }),
    panel('Delay from change to confirm', 's', {
      p50: quantile(0.5, 'user_service_events_publish_delay_seconds'),
      p99: quantile(0.99, 'user_service_events_publish_delay_seconds'),
    }),
    panel('Events to publish', 'short', { events: `max(user_service_outbox_pending${own})` }),
    panel('Oldest event to publish', 's', { age: `max(user_service_outbox_oldest_seconds${own})` }),
    panel('Events of other services by result', 'ops', {
      '{{type}} {{result}}': `sum by (type, result) (${rate('user_service_events_folded_total')})`,
    }),
    panel('Delay from event to fold', 's', {
      p50: quantile(0.5, 'user_service_events_fold_delay_seconds'),
      p99: quantile(0.99, 'user_service_events_fold_delay_seconds'),
    }),
    panel('Messages in a batch', 'short', {
      average: `sum(${rate('user_service_consumer_batch_size_sum')}) / sum(${rate('user_service_consumer_batch_size_count')})`,
    }),
    panel('Late events', 'ops', { '{{type}}': `sum by (type) (${rate('user_service_events_late_total')})` }),
    panel('Waiting and parked messages', 'short', {
      waiting: `max(user_service_waiting_events${own})`,
      parked: `max(user_service_parked_messages${own})`,
      'parked: {{reason}}': `sum by (reason) (${increase('user_service_messages_parked_total')})`,
    }),
    panel('Intake blocked, oldest waiting event', 's', {
      blocked: `max(user_service_intake_blocked_seconds${own})`,
      'oldest waiting': `max(user_service_waiting_events_oldest_age_seconds${own})`,
    }),
  ],
  Privacy: [
    panel('Running erasures', 'short', {
      running: `max(user_service_erasures_running${own})`,
      'failed steps': `sum(${increase('user_service_erasure_failures_total')})`,
    }),
    panel('Oldest running erasure', 's', { age: `max(user_service_erasures_oldest_seconds${own})` }),
    panel('Unsealed audit entries', 'short', { entries: `max(user_service_audit_unsealed_entries${own})` }),
    panel('Seal lag', 's', { age: `max(user_service_audit_seal_lag_seconds${own})` }),
    panel('Time since retention succeeded', 's', {
      time: `time() - max(user_service_retention_last_success_timestamp_seconds${own})`,
    }),
    panel('Records removed by retention', 'short', {
      '{{what}}': `sum by (what) (${increase('user_service_retention_removals_total')})`,
      'failed: {{what}}': `sum by (what) (${increase('user_service_retention_failures_total')})`,
    }),
    panel('Users by status', 'short', { '{{status}}': `max by (status) (user_service_users${own})` }),
  ],
  Process: [
    panel('Dependencies', 'bool_on_off', {
      '{{dependency}}': `min by (dependency) (user_service_dependency_up${own})`,
    }),
    panel(
      'Versions',
      'short',
      { '{{version}}': `count by (version, node_version) (user_service_build_info${own})` },
      'stat',
    ),
    panel('CPU', 'percentunit', { '{{instance}}': rate('process_cpu_seconds_total') }),
    panel('Memory', 'bytes', {
      '{{instance}} resident': `process_resident_memory_bytes${own}`,
      '{{instance}} heap': `nodejs_heap_size_used_bytes${own}`,
    }),
    panel('Event loop lag (p99)', 's', { '{{instance}}': `nodejs_eventloop_lag_p99_seconds${own}` }),
    panel('Garbage collection', 'percentunit', {
      '{{kind}}': `sum by (kind) (${rate('nodejs_gc_duration_seconds_sum')})`,
    }),
    panel('PostgreSQL connections', 'short', {
      '{{pool}} {{state}}': `sum by (pool, state) (user_service_pool_connections${own})`,
    }),
  ],
};
