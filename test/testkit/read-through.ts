import { pino } from 'pino';
import { Counter, Registry } from 'prom-client';
import { z } from 'zod';
import { type LoadedRecord, ReadThroughCache } from '../../src/redis/read-through-cache';
import type { RecordCache } from '../../src/redis/record-cache';

const profile = z.strictObject({ id: z.string(), name: z.string() });
export type Profile = z.infer<typeof profile>;

/** A table of profiles that records its queries and can delay its results. */
export class ProfileTable {
  readonly queries: string[][] = [];
  readonly rows = new Map<string, LoadedRecord<Profile>>();
  /** Awaited after the rows were read, so that the result can be stale. */
  beforeReturn: () => Promise<void> = async () => {};

  set(id: string, name: string, revision: number): LoadedRecord<Profile> {
    const row = { revision, value: { id, name } };
    this.rows.set(id, row);
    return row;
  }

  readonly load = async (ids: string[]): Promise<Map<string, LoadedRecord<Profile>>> => {
    this.queries.push(ids);
    const found = ids.flatMap((id) => {
      const row = this.rows.get(id);
      return row ? [[id, row] as const] : [];
    });
    await this.beforeReturn();
    return new Map(found);
  };
}

/**
 * A read-through cache of profiles with its own counters. `counted()` and `written()` return the count of each result of
 * reads and writes; `logged` are the lines from level `info` on.
 */
export function readThrough(cache: RecordCache, table: ProfileTable, now?: () => number) {
  const registry = new Registry();
  const cacheRequests = new Counter({
    name: 'cache_requests_total',
    help: 'Cache look-ups by result',
    labelNames: ['result'] as const,
    registers: [registry],
  });
  const cacheWrites = new Counter({
    name: 'cache_writes_total',
    help: 'Cache writes by result',
    labelNames: ['result'] as const,
    registers: [registry],
  });
  const logged: Record<string, unknown>[] = [];
  const readThroughCache = new ReadThroughCache<Profile>({
    cache,
    load: table.load,
    parse: (json) => profile.parse(json),
    idOf: ({ id }) => id,
    metrics: { cacheRequests, cacheWrites },
    log: pino({ level: 'info' }, { write: (line) => void logged.push(JSON.parse(line)) }),
    ...(now && { now }),
  });
  const profiles = {
    /** Returns one entry per distinct id; rejects with the error of the first id that has one. */
    async getMany(ids: readonly string[]): Promise<Map<string, Profile | null>> {
      const values = await readThroughCache.getMany(ids);
      return new Map(
        ids.map((id, at) => {
          const value = values[at] ?? null;
          if (value instanceof Error) throw value;
          return [id, value];
        }),
      );
    },
    get: (id: string) => readThroughCache.get(id),
    write: (value: Profile, revision: number) => readThroughCache.write(value, revision),
    bury: (id: string) => readThroughCache.bury(id),
  };
  const countsOf = async (counter: Counter<'result'>): Promise<Record<string, number>> =>
    Object.fromEntries((await counter.get()).values.map(({ labels, value }) => [labels.result, value]));
  return {
    profiles,
    counted: () => countsOf(cacheRequests),
    written: () => countsOf(cacheWrites),
    logged,
  };
}
