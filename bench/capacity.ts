import { readFileSync } from 'node:fs';

/** What a platform does with its users. All of it is assumed; change it to your figures. */
const activity = {
  /** Users who visit on a day, as a share of all users. */
  activePerDay: 0.05,
  /** The busiest second of a day, compared with the mean second. */
  peakToMean: 5,
  /** Requests for each active user on a day, by the workload of docs/performance.md that is closest. */
  requestsPerActiveUser: {
    'entities-1': 30,
    'entities-10': 10,
    history: 1,
    'update-user': 0.1,
  } as Readonly<Record<string, number>>,
  /** Audited reads by staff on a day, for each user. */
  auditedReadsPerUser: 0.002,
  /** Users whose record is not in Redis when they are read, as a share. */
  cacheMisses: 0.3,
  /** Orders, payments, points and changes of a user in a year; each is an entry of the history. */
  entriesPerUserAndYear: 12,
  yearsKept: 3,
};

/** Bytes of a row with its indexes, from 20,000 users and 100,000 entries of `npm run bench:memory`. */
const bytesPerRow = { user: 1_500, entry: 363, audit: 1_700, outbox: 2_000, cached: 1_200 };

/** Connections of one replica of the service: its four pools. */
const connectionsPerReplica = 23;
/** How busy a core may be at the peak. */
const utilisation = 0.6;
/** CPU of the service for folding one event, in microseconds (docs/benchmarks.md). */
const foldMicroseconds = 135;

interface Cost {
  readonly service: number;
  readonly postgres: number;
}

/** CPU microseconds of a request by candidate and workload, from the tables of docs/performance.md. */
function measuredCosts(page: string): Map<string, Cost> {
  const costs = new Map<string, Cost>();
  for (const section of page.split(/^### /m).slice(1)) {
    const [workload = ''] = section.split('\n');
    for (const [, candidate = '', service, postgres] of section.matchAll(
      /^\| (ours \w+|limit) \|(?:[^|]*\|){3} (\d+) \| (\d+) \|/gm,
    ))
      costs.set(`${workload.trim()} ${candidate}`, { service: Number(service), postgres: Number(postgres) });
  }
  return costs;
}

/** The cost for the first of these actors that was measured. A miss costs PostgreSQL what it costs the limit. */
function costOf(costs: ReadonlyMap<string, Cost>, workload: string, actors: readonly string[]): Cost {
  for (const actor of actors) {
    const cost = costs.get(`${workload} ours ${actor}`);
    const missed = workload.startsWith('entities') ? (costs.get(`${workload} limit`)?.postgres ?? 0) : 0;
    if (cost) return { ...cost, postgres: cost.postgres + activity.cacheMisses * missed };
  }
  throw new Error(`docs/performance.md has no figures of ${workload} for ${actors.join(' or ')}`);
}

/** What this many users need at the peak and after some years. */
export function capacityFor(users: number, page: string) {
  const costs = measuredCosts(page);
  const perSecondAtPeak = (perDay: number) => (perDay * activity.peakToMean) / 86_400;
  const active = users * activity.activePerDay;
  const loads = Object.entries(activity.requestsPerActiveUser).map(([workload, each]) => ({
    perSecond: perSecondAtPeak(active * each),
    cost: costOf(costs, workload, ['self', 'public', 'staff']),
  }));
  const audited = {
    perSecond: perSecondAtPeak(users * activity.auditedReadsPerUser),
    cost: costOf(costs, 'entities-10', ['audited']),
  };
  const events = perSecondAtPeak((users * activity.entriesPerUserAndYear) / 365);
  const cores = (part: keyof Cost) =>
    [...loads, audited].reduce((sum, { perSecond, cost }) => sum + (perSecond * cost[part]) / 1e6, 0);
  const serviceCores = cores('service') + (events * foldMicroseconds) / 1e6;
  const replicas = Math.max(2, Math.ceil(serviceCores / utilisation));
  const entries = users * activity.entriesPerUserAndYear * activity.yearsKept;
  const changesPerDay = active * (activity.requestsPerActiveUser['update-user'] ?? 0);
  const auditedPerDay = users * activity.auditedReadsPerUser + changesPerDay;
  return {
    requestsPerSecond: [...loads, audited].reduce((sum, { perSecond }) => sum + perSecond, 0),
    eventsPerSecond: events,
    replicas,
    connections: replicas * connectionsPerReplica,
    postgresCores: (cores('postgres') + (events * foldMicroseconds) / 1e6) / utilisation,
    usersBytes: users * bytesPerRow.user,
    historyBytes: entries * bytesPerRow.entry,
    auditBytes: auditedPerDay * 365 * activity.yearsKept * bytesPerRow.audit,
    // Audit events are deleted once they are published.
    outboxBytes: changesPerDay * 30 * bytesPerRow.outbox,
    cacheBytes: active * bytesPerRow.cached,
  };
}

type Capacity = ReturnType<typeof capacityFor>;

const scales = [1e6, 1e8, 1e9];

const rows: readonly [name: string, show: (it: Capacity) => string][] = [
  ['requests a second at the peak', (it) => rounded(it.requestsPerSecond)],
  ['events a second at the peak', (it) => rounded(it.eventsPerSecond)],
  ['replicas of the service, one core each', (it) => rounded(it.replicas)],
  ['connections to PostgreSQL', (it) => rounded(it.connections)],
  ['cores of PostgreSQL', (it) => rounded(Math.max(1, it.postgresCores))],
  ['`users` with its indexes', (it) => bytes(it.usersBytes)],
  [`\`user_history\` after ${activity.yearsKept} years`, (it) => bytes(it.historyBytes)],
  [`\`audit_entries\` after ${activity.yearsKept} years`, (it) => bytes(it.auditBytes)],
  ['`outbox_events`, 30 days', (it) => bytes(it.outboxBytes)],
  ['Redis, users of a day', (it) => bytes(it.cacheBytes)],
];

/** The table of docs/scaling.md, from the measured costs of docs/performance.md. */
export function capacityTable(): string {
  const page = readFileSync('docs/performance.md', 'utf8');
  const capacities = scales.map((users) => capacityFor(users, page));
  const head = `| | ${scales.map((users) => `${rounded(users / 1e6)} million`).join(' | ')} |\n|---|---:|---:|---:|`;
  return [head, ...rows.map(([name, show]) => `| ${name} | ${capacities.map(show).join(' | ')} |`)].join(
    '\n',
  );
}

/** Two significant digits. */
function rounded(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString('en-US');
}

function bytes(value: number): string {
  return value < 1e12 ? `${rounded(value / 1e9)} GB` : `${rounded(value / 1e12)} TB`;
}
