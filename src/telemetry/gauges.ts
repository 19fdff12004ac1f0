import { Gauge, type Registry } from 'prom-client';
import { Sample } from './sample';

/** Current counts of a pool: connections, idle connections, and callers waiting for one. */
export interface PoolState {
  total: number;
  idle: number;
  waiting: number;
}

/** A number of records and the age of the oldest one in seconds; 0 if there is none. */
export interface Backlog {
  readonly count: number;
  readonly oldestSeconds: number;
}

/** What the metrics report about stored data. */
export interface StoredState {
  /** Events to publish. */
  readonly outbox: Backlog;
  /** Events that wait for a user or an order. */
  readonly waiting: Backlog;
  /** Erasures that have started and are not completed. */
  readonly erasures: Backlog;
  /** Audit entries that are not in the chain yet. */
  readonly unsealed: Backlog;
  readonly parked: Backlog;
  /** Number of users by status, such as `ACTIVE`. */
  readonly users: Readonly<Record<string, number>>;
}

export type Stored = keyof StoredState;
type Values = Readonly<Record<string, number>>;

interface StoredGauge<State> {
  readonly name: string;
  readonly help: string;
  /** The label of `values`; absent: there is one value, with the empty name. */
  readonly label?: string;
  readonly values: (state: State) => Values;
}

/** For how long a sample is reported, and the gauges that report it. */
interface StoredGauges<State> {
  readonly freshForMs: number;
  readonly gauges: readonly StoredGauge<State>[];
}

const one = (value: number): Values => ({ '': value });

const storedGauges: { readonly [Name in Stored]: StoredGauges<StoredState[Name]> } = {
  outbox: {
    freshForMs: 2_000,
    gauges: [
      { name: 'outbox_pending', help: 'Events to publish', values: ({ count }) => one(count) },
      {
        name: 'outbox_oldest_seconds',
        help: 'Age of the oldest event to publish, in seconds',
        values: ({ oldestSeconds }) => one(oldestSeconds),
      },
    ],
  },
  waiting: {
    freshForMs: 2_000,
    gauges: [
      {
        name: 'waiting_events',
        help: 'Events waiting for the user or order they refer to',
        values: ({ count }) => one(count),
      },
      {
        name: 'waiting_events_oldest_age_seconds',
        help: 'Age of the oldest waiting event, in seconds; 0 if there is none',
        values: ({ oldestSeconds }) => one(oldestSeconds),
      },
    ],
  },
  parked: {
    freshForMs: 10_000,
    gauges: [
      { name: 'parked_messages', help: 'Messages that are parked', values: ({ count }) => one(count) },
    ],
  },
  erasures: {
    freshForMs: 10_000,
    gauges: [
      {
        name: 'erasures_running',
        help: 'Erasures that have started and are not completed',
        values: ({ count }) => one(count),
      },
      {
        name: 'erasures_oldest_seconds',
        help: 'Age of the oldest running erasure, in seconds; 0 if there is none',
        values: ({ oldestSeconds }) => one(oldestSeconds),
      },
    ],
  },
  unsealed: {
    freshForMs: 10_000,
    gauges: [
      {
        name: 'audit_unsealed_entries',
        help: 'Audit entries that are not in the chain yet',
        values: ({ count }) => one(count),
      },
      {
        name: 'audit_seal_lag_seconds',
        help: 'Age of the oldest audit entry that is not in the chain yet, in seconds; 0 if there is none',
        values: ({ oldestSeconds }) => one(oldestSeconds),
      },
    ],
  },
  users: {
    freshForMs: 60_000,
    gauges: [
      {
        name: 'users',
        help: 'Users by status, sampled once a minute; an estimate for tables larger than 16 MB',
        label: 'status',
        values: (state) => state,
      },
    ],
  },
};

/**
 * Adds the gauges of this process and of stored data to the registry, and returns the functions that set their sources.
 * Each gauge is read when the metrics are. A gauge of stored data is absent while PostgreSQL is unavailable.
 */
export function addGauges(registry: Registry) {
  const registers = [registry];
  const pools = new Map<string, () => PoolState>();
  const dependencies = new Map<string, () => boolean | Promise<boolean>>();
  const stored = new Map<Stored, Sample<unknown>>();
  let readBlockedSeconds = () => 0;
  let readBreaker = () => false;

  // Collected first: otherwise it counts the reads of the gauges below as waiting.
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
  for (const [source, { gauges }] of Object.entries(storedGauges))
    for (const { name, help, label, values } of gauges as readonly StoredGauge<unknown>[])
      new Gauge({
        name: `user_service_${name}`,
        help: `${help}. Absent while PostgreSQL is unavailable`,
        labelNames: label === undefined ? [] : [label],
        registers,
        async collect() {
          const state = await stored.get(source as Stored)?.read();
          // Also removes a status that no user has any more.
          if (label === undefined) this.remove();
          else this.reset();
          if (state === null || state === undefined) return;
          for (const [value, count] of Object.entries(values(state)))
            this.set(label === undefined ? {} : { [label]: value }, count);
        },
      });
  new Gauge({
    name: 'user_service_intake_blocked_seconds',
    help: 'Time for which the oldest batch of messages has been retried, in seconds; 0 if none is',
    registers,
    collect() {
      this.set(readBlockedSeconds());
    },
  });
  new Gauge({
    name: 'user_service_cache_breaker_open',
    help: '1 while reads bypass Redis after failures, else 0',
    registers,
    collect() {
      this.set(Number(readBreaker()));
    },
  });
  new Gauge({
    name: 'user_service_dependency_up',
    help: '1 while a dependency (postgresql, replica-1 and so on, redis, rabbitmq, keys) can be used, else 0; keys are those that verify access tokens',
    labelNames: ['dependency'] as const,
    registers,
    async collect() {
      const states = [...dependencies].map(async ([dependency, isUp]) => ({ dependency, up: await isUp() }));
      for (const { dependency, up } of await Promise.all(states)) this.set({ dependency }, Number(up));
    },
  });

  return {
    /** Reports stored data; `read` is called at most once in the time for which a sample of it counts as fresh. */
    watchStored<Name extends Stored>(name: Name, read: () => Promise<StoredState[Name]>): void {
      stored.set(name, new Sample(read, storedGauges[name].freshForMs));
    },

    /** Reports for how long a batch of messages has been retried. */
    watchIntake(read: () => number): void {
      readBlockedSeconds = read;
    },

    /** Reports the pool under a fixed name. */
    watchPool(name: string, read: () => PoolState): void {
      pools.set(name, read);
    },

    /** Reports whether the cache is bypassed. */
    watchBreaker(isOpen: () => boolean): void {
      readBreaker = isOpen;
    },

    /** Reports whether a dependency can be used, under a fixed name. */
    watchDependency(name: string, isUp: () => boolean | Promise<boolean>): void {
      dependencies.set(name, isUp);
    },
  };
}
