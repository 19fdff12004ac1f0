import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { addGauges } from './gauges';
import { openMetricsOf } from './open-metrics';
import { OperationNames } from './operation-names';
import { addProcessMetrics } from './process-metrics';
import { sampledTraceId } from './traceparent';

export type GraphqlOutcome = 'success' | 'error' | 'refused';

export type Metrics = ReturnType<typeof createMetrics>;

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 4];
/** Events that another service must act on: it revokes credentials, or deletes its own copy. */
const mustBeRouted = ['UserDeactivated', 'UserErased'];

/**
 * Returns the service's metrics in a new registry, with the metrics of Node.js.
 *
 * Label values are bounded sets: never an id, an address or an arbitrary name from a caller.
 */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const watches = addGauges(registry);
  addProcessMetrics(registry);

  const operationNames = new OperationNames();

  const buildInfo = new Gauge({
    name: 'user_service_build_info',
    help: 'Always 1; the labels are the versions of the service and of Node.js',
    labelNames: ['version', 'node_version'] as const,
    registers,
  });
  const httpRequests = new Counter({
    name: 'user_service_http_requests_total',
    help: 'HTTP requests, by route and status',
    labelNames: ['route', 'status'] as const,
    registers,
  });
  const graphqlRequests = new Counter({
    name: 'user_service_graphql_requests_total',
    help: 'GraphQL operations, by operation name and outcome (success, error, refused)',
    labelNames: ['operation', 'outcome'] as const,
    registers,
  });
  const graphqlDuration = new Histogram({
    name: 'user_service_graphql_duration_seconds',
    help: 'Time from a parsed GraphQL request to its response, in seconds, by operation name and outcome',
    labelNames: ['operation', 'outcome'] as const,
    buckets: durationBuckets,
    enableExemplars: true,
    // A constructor accepts no exemplars for a registry of plain text, which leaves them out.
    registers: [],
  });
  registry.registerMetric(graphqlDuration);
  const mutations = new Counter({
    name: 'user_service_mutations_total',
    help: 'Mutations, by mutation and returned member of its union (or fault)',
    labelNames: ['mutation', 'outcome'] as const,
    registers,
  });
  const refusals = new Counter({
    name: 'user_service_refusals_total',
    help: 'Errors in responses, by code; for LIMIT_EXCEEDED also by limit',
    labelNames: ['reason', 'limit'] as const,
    registers,
  });
  const entitiesDuration = new Histogram({
    name: 'user_service_entities_duration_seconds',
    help: 'Time to resolve the representations of one _entities field, without its nested fields, in seconds',
    buckets: durationBuckets,
    registers,
  });
  const entities = new Counter({
    name: 'user_service_entities_total',
    help: 'Representations of _entities, by result (resolved, failed)',
    labelNames: ['result'] as const,
    registers,
  });
  const preparedReads = new Counter({
    name: 'user_service_graphql_prepared_reads_total',
    help: 'Queries that ran prepared, without parsing and validating their text again',
    registers,
  });
  const cacheRequests = new Counter({
    name: 'user_service_cache_requests_total',
    help: 'Reads of the user cache, by result',
    labelNames: ['result'] as const,
    registers,
  });
  const cacheWrites = new Counter({
    name: 'user_service_cache_writes_total',
    help: 'Writes to the user cache, by result (stored, refused for an older revision, failed)',
    labelNames: ['result'] as const,
    registers,
  });
  const eventsPublished = new Counter({
    name: 'user_service_events_published_total',
    help: 'Attempts to publish an event, by type and outcome (routed, unroutable if no queue is bound, failed)',
    labelNames: ['type', 'outcome'] as const,
    registers,
  });
  const eventsPublishDelay = new Histogram({
    name: 'user_service_events_publish_delay_seconds',
    help: 'Time from a change to the publisher confirm of its event, in seconds',
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
    registers,
  });
  const phoneCodes = new Counter({
    name: 'user_service_phone_codes_total',
    help: 'Codes for phone numbers, by outcome (requested, limited by a rate, confirmed, refused)',
    labelNames: ['outcome'] as const,
    registers,
  });
  const eventsFolded = new Counter({
    name: 'user_service_events_folded_total',
    help: 'Events of other services, by type and result (folded, duplicate, waiting, erased, parked)',
    labelNames: ['type', 'result'] as const,
    registers,
  });
  const eventsFoldDelay = new Histogram({
    name: 'user_service_events_fold_delay_seconds',
    help: 'Time from an event of another service to its fold, in seconds, by the clock of that service',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3600, 86_400],
    registers,
  });
  const eventsLate = new Counter({
    name: 'user_service_events_late_total',
    help: 'Folded events that happened before an entry that the user had already, by type',
    labelNames: ['type'] as const,
    registers,
  });
  const consumerBatchSize = new Histogram({
    name: 'user_service_consumer_batch_size',
    help: 'Messages in a batch of the consumer; retries of a batch count again',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200],
    registers,
  });
  const erasureFailures = new Counter({
    name: 'user_service_erasure_failures_total',
    help: 'Failed steps of erasures; each is retried',
    registers,
  });
  const retentionLastSuccess = new Gauge({
    name: 'user_service_retention_last_success_timestamp_seconds',
    help: 'When the last complete run of retention ended, in seconds since 1970; absent before the first',
    registers,
  });
  retentionLastSuccess.remove();
  const retentionRemovals = new Counter({
    name: 'user_service_retention_removals_total',
    help: 'Records removed by retention, by kind (users, historyEntries, …)',
    labelNames: ['what'] as const,
    registers,
  });
  const scheduledErasures = new Counter({
    name: 'user_service_scheduled_erasures_total',
    help: 'Erasures that were scheduled, cancelled, or started when they were due',
    labelNames: ['action'] as const,
    registers,
  });
  const inactiveUsers = new Counter({
    name: 'user_service_inactive_users_total',
    help: 'Inactive users, by what retention did (warned, deactivated)',
    labelNames: ['action'] as const,
    registers,
  });
  const retentionFailures = new Counter({
    name: 'user_service_retention_failures_total',
    help: 'Expired users that retention could not remove, by kind; counted in every run',
    labelNames: ['what'] as const,
    registers,
  });
  const messagesParked = new Counter({
    name: 'user_service_messages_parked_total',
    help: 'Messages parked because they cannot be folded, by reason; redeliveries are not counted',
    labelNames: ['reason'] as const,
    registers,
  });
  // A counter that does not exist before its first event has no increase then, so an alert would miss it.
  for (const type of mustBeRouted) eventsPublished.inc({ type, outcome: 'unroutable' }, 0);
  refusals.inc({ reason: 'INTERNAL_SERVER_ERROR', limit: '' }, 0);

  return {
    ...watches,
    registry,
    openMetrics: openMetricsOf(registry),
    buildInfo,
    refusals,
    entities,
    entitiesDuration,
    cacheWrites,
    eventsFoldDelay,
    eventsLate,
    consumerBatchSize,
    erasureFailures,
    retentionLastSuccess,
    httpRequests,
    graphqlRequests,
    graphqlDuration,
    mutations,
    cacheRequests,
    preparedReads,
    eventsPublished,
    eventsPublishDelay,
    phoneCodes,
    eventsFolded,
    retentionRemovals,
    inactiveUsers,
    scheduledErasures,
    retentionFailures,
    messagesParked,

    /** Counts an error of a response by the code and the limit in its extensions. */
    recordRefusal({ code, limit }: { readonly code?: unknown; readonly limit?: unknown } = {}): void {
      refusals.inc({ reason: String(code), limit: typeof limit === 'string' ? limit : '' });
    },

    /**
     * Counts one GraphQL operation and its duration in seconds, under a bounded operation name. The id of its trace
     * becomes the exemplar of its bucket.
     */
    recordGraphqlRequest(
      name: string | null | undefined,
      outcome: GraphqlOutcome,
      durationSeconds: number,
      traceparent: string | null = null,
    ): void {
      const labels = { operation: operationNames.label(name, outcome !== 'refused'), outcome };
      graphqlRequests.inc(labels);
      const traceId = sampledTraceId(traceparent);
      graphqlDuration.observe({
        labels,
        value: durationSeconds,
        // Its type has the labels of the metric.
        ...(traceId !== null && { exemplarLabels: { trace_id: traceId } as object }),
      });
    },
  };
}
