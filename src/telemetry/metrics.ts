import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { OperationNames } from './operation-names';
import { OutboxSample, type OutboxState } from './outbox-sample';

export type GraphqlOutcome = 'success' | 'error' | 'refused';

/** Current counts of a pool: connections, idle connections, and callers waiting for one. */
export interface PoolState {
  total: number;
  idle: number;
  waiting: number;
}

/** Number of events waiting for a user or order they refer to, and the age of the oldest one. */
export interface WaitingState {
  count: number;
  oldestAgeSeconds: number;
}

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Returns the service's metrics in a new registry, with the default metrics of Node.js (event loop lag, memory, GC).
 *
 * Label values are bounded sets: never an id, an address or an arbitrary name from a caller.
 */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const operationNames = new OperationNames();
  const pools = new Map<string, () => PoolState>();
  const outbox = new OutboxSample();

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
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 4],
    registers,
  });
  const mutations = new Counter({
    name: 'user_service_mutations_total',
    help: 'Mutations, by mutation and returned member of its union (or fault)',
    labelNames: ['mutation', 'outcome'] as const,
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
  const eventsFolded = new Counter({
    name: 'user_service_events_folded_total',
    help: 'Events of other services, by type and result (folded, duplicate, waiting, erased, parked)',
    labelNames: ['type', 'result'] as const,
    registers,
  });
  const retentionRemovals = new Counter({
    name: 'user_service_retention_removals_total',
    help: 'Records removed by retention, by kind (users, historyEntries, …)',
    labelNames: ['what'] as const,
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
    help: 'Messages parked because they cannot be folded, by reason',
    labelNames: ['reason'] as const,
    registers,
  });
  new Gauge({
    name: 'user_service_waiting_events',
    help: 'Events waiting for the user or order they refer to',
    registers,
    async collect() {
      const { count, oldestAgeSeconds } = await measureWaiting();
      this.set(count);
      waitingOldestAge.set(oldestAgeSeconds);
    },
  });
  const waitingOldestAge = new Gauge({
    name: 'user_service_waiting_events_oldest_age_seconds',
    help: 'Age of the oldest waiting event, in seconds; 0 if there is none',
    registers,
  });
  let blockedSeconds = () => 0;
  new Gauge({
    name: 'user_service_intake_blocked_seconds',
    help: 'Time for which the oldest batch of messages has been retried, in seconds; 0 if none is',
    registers,
    collect() {
      this.set(blockedSeconds());
    },
  });
  let measureWaiting = async (): Promise<WaitingState> => ({ count: 0, oldestAgeSeconds: 0 });
  new Gauge({
    name: 'user_service_outbox_pending',
    help: 'Events to publish; absent while PostgreSQL is unavailable',
    registers,
    async collect() {
      const state = await outbox.read();
      if (state) this.set(state.pending);
      else this.remove();
    },
  });
  new Gauge({
    name: 'user_service_outbox_oldest_seconds',
    help: 'Age of the oldest event to publish, in seconds; absent while PostgreSQL is unavailable',
    registers,
    async collect() {
      const state = await outbox.read();
      if (state) this.set(state.oldestSeconds);
      else this.remove();
    },
  });
  new Gauge({
    name: 'user_service_pool_connections',
    help: 'PostgreSQL connections, by pool and state (idle, busy), and callers waiting for a connection (waiting)',
    labelNames: ['pool', 'state'] as const,
    registers,
    collect() {
      for (const [pool, read] of pools) {
        const { total, idle, waiting } = read();
        this.set({ pool, state: 'idle' }, idle);
        this.set({ pool, state: 'busy' }, total - idle);
        this.set({ pool, state: 'waiting' }, waiting);
      }
    },
  });

  return {
    registry,
    httpRequests,
    graphqlRequests,
    graphqlDuration,
    mutations,
    cacheRequests,
    preparedReads,
    eventsPublished,
    eventsPublishDelay,
    eventsFolded,
    retentionRemovals,
    retentionFailures,
    messagesParked,

    /** Counts one GraphQL operation and its duration in seconds, under a bounded operation name. */
    recordGraphqlRequest(
      name: string | null | undefined,
      outcome: GraphqlOutcome,
      durationSeconds: number,
    ): void {
      const labels = { operation: operationNames.label(name, outcome !== 'refused'), outcome };
      graphqlRequests.inc(labels);
      graphqlDuration.observe(labels, durationSeconds);
    },

    /** Reports the outbox whenever the metrics are read; calls `read` every two seconds at most. */
    watchOutbox(read: () => Promise<OutboxState>): void {
      outbox.watch(read);
    },

    /** Reports waiting events whenever the metrics are read; if `read` fails, the gauges keep their last values. */
    watchWaiting(read: () => Promise<WaitingState>): void {
      let last: WaitingState = { count: 0, oldestAgeSeconds: 0 };
      measureWaiting = async () => {
        last = await read().catch(() => last);
        return last;
      };
    },

    /** Reports for how long a batch of messages has been retried whenever the metrics are read. */
    watchIntake(read: () => number): void {
      blockedSeconds = read;
    },

    /** Reports the pool under a fixed name whenever the metrics are read. */
    watchPool(name: string, read: () => PoolState): void {
      pools.set(name, read);
    },
  };
}
