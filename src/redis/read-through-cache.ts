import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import type { CachedRecord, RecordCache, RecordPut } from './record-cache';
import { errorOf, type Lookup, SingleFlight } from './single-flight';

export interface LoadedRecord<T> {
  /** Increases with every change of the record. */
  readonly revision: number;
  readonly value: T;
  /** True for a record that may be removed without a tombstone: readers get it, the cache does not. */
  readonly uncacheable?: boolean;
}

export interface ReadThroughCacheOptions<T> {
  readonly cache: RecordCache;
  /** Reads records from the database; the result omits ids without a record. */
  readonly load: (ids: string[]) => Promise<Map<string, LoadedRecord<T>>>;
  /** Returns the value from its parsed JSON, equal to the value that was put; throws on any other shape. */
  readonly parse: (json: unknown) => T;
  readonly idOf: (value: T) => string;
  readonly metrics: Readonly<Record<'cacheRequests' | 'cacheWrites', Pick<Counter<'result'>, 'inc'>>>;
  readonly log: Logger;
  /** A monotonic clock in milliseconds; defaults to `performance.now`. */
  readonly now?: () => number;
}

/** The result of a slower load is not cached; its failure also rejects the readers queued behind it. */
const slowLoadMs = 1000;
/** How long the cache is bypassed for an id after a failed write. Longer than the lifetime of a cached value. */
const unconfirmedForMs = 90_000;
/** How long a parsed value is kept in memory. */
const parsedForMs = 60_000;
const tombstoneRevision = Number.POSITIVE_INFINITY;

/**
 * Reads records through a cache, and from the database on a cache miss, an unreadable entry or a failed cache read.
 * All ids requested in one turn of the event loop share one round trip to the cache and one load.
 *
 * A reader never gets a value that was read before its request. It may get the error of an earlier look-up
 * (`failNext`). It sees every change committed before, if the writer awaited `write` or `bury` and got true. After
 * false, this process bypasses the cache for the id, for 90 seconds and at most 10,000 ids. Other processes may return
 * the old value until it expires or the write is retried.
 *
 * Readers share values: treat them as immutable. Ids must be well-formed: they become keys and are loaded together, so
 * one malformed id fails the whole batch.
 * Not for authorization, erasure or export, which must not depend on a cache.
 */
export class ReadThroughCache<T extends object> {
  private readonly now: () => number;
  private readonly singleFlight = new SingleFlight<T | null>((lookups) => this.lookUp(lookups));
  /** The newest revision of each id that the cache has not confirmed; the least recently used ids are dropped. */
  private readonly unconfirmed = new LRUCache<string, number>({ max: 10_000, ttl: unconfirmedForMs });

  /** Values by id with the text that they were parsed from. A value is used only while the cache has that very text. */
  private readonly parsed = new LRUCache<string, { readonly text: string; readonly value: T }>({
    max: 2_000,
    ttl: parsedForMs,
    ttlResolution: 1_000,
    // Nothing else would remove the values of records that are not read again, such as erased ones.
    ttlAutopurge: true,
  });

  constructor(private readonly options: ReadThroughCacheOptions<T>) {
    this.now = options.now ?? (() => performance.now());
  }

  /**
   * Returns the value of each id, null if there is no such record, or the error of `load`, in the order of the ids.
   * Never rejects.
   */
  getMany(ids: readonly string[]): Promise<(T | null | Error)[]> {
    return this.singleFlight.request(ids);
  }

  /** Returns the value of an id, or null if there is no such record. Rejects only with the error of `load`. */
  async get(id: string): Promise<T | null> {
    const [result = null] = await this.singleFlight.request([id]);
    if (result instanceof Error) throw result;
    return result;
  }

  /** Puts a value into the cache, after commit. Returns whether the cache has it or a newer one; never rejects. */
  async write(value: T, revision: number): Promise<boolean> {
    const id = this.options.idOf(value);
    return this.change(id, revision, () =>
      this.options.cache.putMany([{ id, revision, text: JSON.stringify(value) }]),
    );
  }

  /** Puts a tombstone into the cache, after commit: reads return null. Returns whether it succeeded; never rejects. */
  async bury(id: string): Promise<boolean> {
    this.parsed.delete(id);
    return this.change(id, tombstoneRevision, async () => {
      await this.options.cache.bury(id);
      return [true];
    });
  }

  private async change(id: string, revision: number, put: () => Promise<boolean[]>): Promise<boolean> {
    // Before the put: until it completes, the cache has the old value.
    this.unconfirmed.set(id, Math.max(revision, this.unconfirmed.get(id) ?? revision));
    this.singleFlight.supersede(id);
    try {
      this.countWrites(await put());
      this.confirm(id, revision);
      return true;
    } catch (error) {
      this.options.metrics.cacheWrites.inc({ result: 'failed' });
      this.options.log.debug({ err: error, id }, 'cache write failed');
      return false;
    }
  }

  private confirm(id: string, revision: number): void {
    if ((this.unconfirmed.get(id) ?? tombstoneRevision) <= revision) this.unconfirmed.delete(id);
  }

  private async lookUp(lookups: Lookup<T | null>[]): Promise<void> {
    const misses: CacheMiss<T>[] = [];
    const toRead: Lookup<T | null>[] = [];
    for (const lookup of lookups) {
      const unconfirmed = this.unconfirmed.get(lookup.id);
      if (unconfirmed === undefined) toRead.push(lookup);
      else if (unconfirmed === tombstoneRevision) this.retryBury(lookup);
      else misses.push({ lookup, fill: true });
    }
    this.count('miss', misses.length);
    if (toRead.length > 0) misses.push(...(await this.readCache(toRead)));
    if (misses.length > 0) await this.load(misses);
  }

  /** Finishes the look-ups that the cache has an entry for; returns the others as misses. */
  private async readCache(lookups: Lookup<T | null>[]): Promise<CacheMiss<T>[]> {
    let records: CachedRecord[];
    try {
      records = await this.options.cache.getMany(lookups.map((lookup) => lookup.id));
    } catch (error) {
      this.options.log.debug({ err: error, ids: lookups.length }, 'cache read failed');
      this.count('error', lookups.length);
      // No fill: it would probably fail too, and the next reader of the id would wait for it.
      return lookups.map((lookup) => ({ lookup, fill: false }));
    }
    const misses: CacheMiss<T>[] = [];
    const counts = { hit: 0, miss: 0, negative: 0, tombstone: 0, error: 0 };
    for (const [at, lookup] of lookups.entries()) {
      const record = records[at] ?? { kind: 'miss' };
      const value = record.kind === 'value' ? this.parseEntry(lookup.id, record.text) : null;
      const result = record.kind !== 'value' ? record.kind : value === null ? 'error' : 'hit';
      counts[result] += 1;
      if (result !== 'hit') this.parsed.delete(lookup.id);
      if (record.kind === 'value' && value === null)
        misses.push({ lookup, fill: true, replaces: record.text });
      else if (record.kind === 'miss') misses.push({ lookup, fill: true });
      else this.finish(lookup, value);
    }
    for (const [result, count] of Object.entries(counts)) this.count(result, count);
    if (counts.error > 0)
      this.options.log.warn({ records: counts.error }, 'cache entries were unreadable and are reloaded');
    return misses;
  }

  private parseEntry(id: string, text: string): T | null {
    const known = this.parsed.get(id);
    if (known?.text === text) return known.value;
    try {
      const value = this.options.parse(JSON.parse(text));
      if (this.options.idOf(value) !== id) return null;
      this.parsed.set(id, { text, value });
      return value;
    } catch {
      return null;
    }
  }

  private async load(misses: CacheMiss<T>[]): Promise<void> {
    const startedAtMs = this.now();
    let loaded: Map<string, LoadedRecord<T>>;
    try {
      loaded = await this.options.load(misses.map(({ lookup }) => lookup.id));
    } catch (error) {
      const slow = this.now() - startedAtMs > slowLoadMs;
      for (const { lookup } of misses) {
        lookup.complete(errorOf(error));
        if (slow) this.singleFlight.failNext(lookup, errorOf(error));
      }
      return;
    }
    for (const { lookup } of misses) lookup.complete(loaded.get(lookup.id)?.value ?? null);
    // A slow result may be outdated: the cache may no longer have the newer entry that would refuse it.
    if (this.now() - startedAtMs <= slowLoadMs) await this.fill(misses, loaded);
  }

  private async fill(misses: CacheMiss<T>[], loaded: Map<string, LoadedRecord<T>>): Promise<void> {
    try {
      const puts = misses
        .filter(({ lookup, fill }) => fill && !lookup.superseded && !loaded.get(lookup.id)?.uncacheable)
        .map(({ lookup: { id }, replaces }): RecordPut => {
          const record = loaded.get(id);
          if (!record) return { id, revision: null, replaces };
          return { id, revision: record.revision, text: JSON.stringify(record.value), replaces };
        });
      if (puts.length === 0) return;
      this.countWrites(await this.options.cache.putMany(puts));
      for (const { id, revision } of puts) if (revision !== null) this.confirm(id, revision);
    } catch (error) {
      this.options.metrics.cacheWrites.inc({ result: 'failed' }, misses.length);
      this.options.log.debug({ err: error, ids: misses.length }, 'cache fill failed');
    }
  }

  private retryBury(lookup: Lookup<T | null>): void {
    this.count('tombstone', 1);
    this.finish(lookup, null);
    void this.bury(lookup.id);
  }

  private finish(lookup: Lookup<T | null>, value: T | null): void {
    lookup.complete(value);
    this.singleFlight.finish(lookup);
  }

  private countWrites(stored: readonly boolean[]): void {
    for (const isStored of stored)
      this.options.metrics.cacheWrites.inc({ result: isStored ? 'stored' : 'refused' });
  }

  private count(result: string, count: number): void {
    if (count > 0) this.options.metrics.cacheRequests.inc({ result }, count);
  }
}

/** A look-up without a usable cache entry: whether to cache its result, and which unreadable text that replaces. */
interface CacheMiss<T extends object> {
  readonly lookup: Lookup<T | null>;
  readonly fill: boolean;
  readonly replaces?: string;
}
