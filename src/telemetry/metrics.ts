import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { OperationNames } from './operation-names';
import { OutboxSample, type OutboxState } from './outbox-sample';

export type GraphqlOutcome = 'success' | 'error' | 'refused';

/** What a pool of connections looks like at the moment: counts of connections, and of callers that wait. */
export interface PoolState {
  total: number;
  idle: number;
  waiting: number;
}

/** How many events wait for what they refer to, and for how long the oldest has. */
export interface WaitingState {
  count: number;
  oldestAgeSeconds: number;
}

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * The service's metrics in a registry of their own, with Node's default metrics (event loop lag, memory, GC).
 *
 * Labels come from small fixed sets: never an id, an address or a name that a caller chose freely.
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
    help: 'HTTP requests answered, by route and status',
    labelNames: ['route', 'status'] as const,
    registers,
  });
  const graphqlRequests = new Counter({
    name: 'user_service_graphql_requests_total',
    help: 'GraphQL operations answered, by operation name and outcome (success, error, refused)',
    labelNames: ['operation', 'outcome'] as const,
    registers,
  });
  const graphqlDuration = new Histogram({
    name: 'user_service_graphql_duration_seconds',
    help: 'Time from a parsed GraphQL request to its answer, in seconds, by operation name and outcome',
    labelNames: ['operation', 'outcome'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 4],
    registers,
  });
  const mutations = new Counter({
    name: 'user_service_mutations_total',
    help: 'Mutations answered, by mutation and by the member of its union that was the answer (or fault)',
    labelNames: ['mutation', 'outcome'] as const,
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
    help: 'Attempts to publish an event, by type and outcome (routed, unroutable: no queue is bound, failed)',
    labelNames: ['type', 'outcome'] as const,
    registers,
  });
  const eventsPublishDelay = new Histogram({
    name: 'user_service_events_publish_delay_seconds',
    help: 'Time from a change to the confirmed publishing of its event, in seconds',
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300],
    registers,
  });
  const eventsFolded = new Counter({
    name: 'user_service_events_folded_total',
    help: 'Events of other services dealt with, by type and result (folded, duplicate, waiting, erased, parked)',
    labelNames: ['type', 'result'] as const,
    registers,
  });
  const retentionRemovals = new Counter({
    name: 'user_service_retention_removals_total',
    help: 'Records that were removed as they had had their time, by what they were (users, historyEntries, …)',
    labelNames: ['what'] as const,
    registers,
  });
  const retentionFailures = new Counter({
    name: 'user_service_retention_failures_total',
    help: 'Users who had had their time and could not be removed, by what they were; in every run anew',
    labelNames: ['what'] as const,
    registers,
  });
  const messagesParked = new Counter({
    name: 'user_service_messages_parked_total',
    help: 'Messages parked because they could not be folded, by reason',
    labelNames: ['reason'] as const,
    registers,
  });
  new Gauge({
    name: 'user_service_waiting_events',
    help: 'Events that wait for the user or the order they refer to',
    registers,
    async collect() {
      const { count, oldestAgeSeconds } = await measureWaiting();
      this.set(count);
      waitingOldestAge.set(oldestAgeSeconds);
    },
  });
  const waitingOldestAge = new Gauge({
    name: 'user_service_waiting_events_oldest_age_seconds',
    help: 'How long the oldest of the waiting events has waited, in seconds; 0 when none waits',
    registers,
  });
  let measureWaiting = async (): Promise<WaitingState> => ({ count: 0, oldestAgeSeconds: 0 });
  new Gauge({
    name: 'user_service_outbox_pending',
    help: 'Events that wait to be published; absent while PostgreSQL does not tell',
    registers,
    async collect() {
      const state = await outbox.read();
      if (state) this.set(state.pending);
      else this.remove();
    },
  });
  new Gauge({
    name: 'user_service_outbox_oldest_seconds',
    help: 'Age of the oldest event that waits to be published, in seconds; absent while PostgreSQL does not tell',
    registers,
    async collect() {
      const state = await outbox.read();
      if (state) this.set(state.oldestSeconds);
      else this.remove();
    },
  });
  new Gauge({
    name: 'user_service_pool_connections',
    help: 'PostgreSQL connections, by pool and state (idle, busy), and callers waiting for one (waiting)',
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

    /** Reports what waits in the outbox whenever the metrics are read, asking every two seconds at most. */
    watchOutbox(read: () => Promise<OutboxState>): void {
      outbox.watch(read);
    },

    /** Reports what waits whenever the metrics are read; what cannot be read then keeps its last value. */
    watchWaiting(read: () => Promise<WaitingState>): void {
      let last: WaitingState = { count: 0, oldestAgeSeconds: 0 };
      measureWaiting = async () => {
        last = await read().catch(() => last);
        return last;
      };
    },

    /** Reports this pool under the given fixed name whenever the metrics are read. */
    watchPool(name: string, read: () => PoolState): void {
      pools.set(name, read);
    },
  };
}
