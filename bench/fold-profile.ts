import { Client } from 'pg';
import type { Database } from '../src/postgres/database';
import { postgresCpuMs, usedBetween } from './cpu-use';

/** The time of a fold by part; each figure is for one transaction. */
export interface FoldProfile {
  readonly events: number;
  readonly wallMs: number;
  /** CPU of this process, which parses messages, builds statements and speaks both protocols. */
  readonly nodeMs: number;
  /** CPU of PostgreSQL's processes; null when they are on another machine. */
  readonly postgresMs: number | null;
  /** Round-trip times by purpose of the statement; overlapping statements count in full. */
  readonly statements: ReadonlyMap<string, number>;
}

const kinds: readonly [RegExp, string][] = [
  [/^\s*START TRANSACTION/, 'begin'],
  [/^\s*COMMIT/, 'commit'],
  [/FROM users\b[^]*FOR KEY SHARE/, 'lock the users'],
  [/INSERT INTO user_orders/, 'record the owners of the orders'],
  [/FROM user_orders JOIN users/, 'lock the users of paid orders'],
  [/INSERT INTO user_commerce/, 'insert missing summaries'],
  [/FROM user_commerce[^]*FOR UPDATE/, 'lock the summaries'],
  [/INSERT INTO user_history/, 'insert the entries'],
  [/UPDATE user_commerce/, 'add to the summaries and the spending'],
  [/FROM waiting_events/, 'find events that waited for the orders (concurrent with the next batch)'],
];

type Query = (this: Client, ...args: unknown[]) => unknown;

/** Times the statements of a fold at the driver, from `begin` to `end`. */
export class FoldProfiler {
  private readonly statements = new Map<string, number>();
  private readonly query = Object.getOwnPropertyDescriptor(Client.prototype, 'query')?.value as Query;
  private transactions = 0;
  private ended: FoldProfile | undefined;
  private startedAtMs = 0;
  private cpuAtStart = process.cpuUsage();
  private postgresAtStart: ReadonlyMap<number, number> | null = null;

  constructor() {
    const { query } = this;
    const time = (text: string) => this.time(text);
    // A connection keeps the method that exists when it is created.
    Client.prototype.query = function timed(this: Client, ...args: unknown[]) {
      const [statement] = args as [string | { text: string }];
      const done = time(typeof statement === 'string' ? statement : statement.text);
      const result = query.apply(this, args);
      if (result instanceof Promise) void result.finally(() => done()).catch(() => undefined);
      return result;
    } as typeof Client.prototype.query;
  }

  async begin(database: Database): Promise<void> {
    this.statements.clear();
    this.transactions = 0;
    this.postgresAtStart = await postgresCpuMs(database);
    this.cpuAtStart = process.cpuUsage();
    this.startedAtMs = performance.now();
  }

  /** @param events how many were folded since `begin` */
  async end(database: Database, events: number): Promise<void> {
    const wallMs = performance.now() - this.startedAtMs;
    const { user, system } = process.cpuUsage(this.cpuAtStart);
    const postgresAtEnd = await postgresCpuMs(database);
    Client.prototype.query = this.query as typeof Client.prototype.query;
    const each = (ms: number) => ms / this.transactions;
    this.ended = {
      events: each(events),
      wallMs: each(wallMs),
      nodeMs: each((user + system) / 1_000),
      postgresMs:
        postgresAtEnd && this.postgresAtStart && each(usedBetween(this.postgresAtStart, postgresAtEnd)),
      statements: new Map([...this.statements].map(([what, ms]) => [what, each(ms)])),
    };
  }

  profile(): FoldProfile {
    if (!this.ended) throw new Error('nothing was profiled');
    return this.ended;
  }

  private time(text: string): () => void {
    const kind = kinds.find(([pattern]) => pattern.test(text))?.[1];
    if (!kind) return () => undefined;
    const sentAtMs = performance.now();
    return () => {
      if (kind === 'commit') this.transactions += 1;
      this.statements.set(kind, (this.statements.get(kind) ?? 0) + performance.now() - sentAtMs);
    };
  }
}

/** Returns a table that compares the profile of a batch with that of a single message. */
export function describeProfiles(batch: FoldProfile, alone: FoldProfile): string {
  const rows: [string, string, string][] = [
    ['in milliseconds', `a batch of ${batch.events.toFixed(0)}`, 'a message alone'],
    ...[...batch.statements]
      .sort(([, one], [, other]) => other - one)
      .map(([what, ms]): [string, string, string] => [
        what,
        ms.toFixed(2),
        (alone.statements.get(what) ?? 0).toFixed(2),
      ]),
    ['CPU of this process', batch.nodeMs.toFixed(2), alone.nodeMs.toFixed(2)],
    ['CPU of PostgreSQL', cpu(batch), cpu(alone)],
    ['elapsed', batch.wallMs.toFixed(2), alone.wallMs.toFixed(2)],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  const table = rows.map(
    ([what, one, other]) => `${what.padEnd(width)}  ${one.padStart(16)}  ${other.padStart(16)}`,
  );
  const allowed = (alone.wallMs * batch.events) / 100;
  const busyUs = ({ events, nodeMs, postgresMs }: FoldProfile) =>
    (((nodeMs + (postgresMs ?? 0)) * 1_000) / events).toFixed(0);
  return [
    ...table,
    `a hundred times as fast would be such a batch in ${allowed.toFixed(1)} ms; this process and PostgreSQL use`,
    `${busyUs(batch)} us of CPU for an event in a batch, ${busyUs(alone)} us for a message alone`,
  ].join('\n');
}

function cpu({ postgresMs }: FoldProfile): string {
  return postgresMs === null ? 'elsewhere' : postgresMs.toFixed(2);
}
