import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import type { CachedRecord, RecordCache, RecordPut } from './record-cache';
import { type Flight, SingleFlight } from './single-flight';

export interface LoadedRecord<T> {
  /** Grows with every change of the record. */
  readonly revision: number;
  readonly value: T;
  /** True for a record that may yet go without a trace: it is handed to its readers and not put into the cache. */
  readonly uncacheable?: boolean;
}

export interface ReadThroughCacheOptions<T> {
  readonly cache: RecordCache;
  /** Reads records from the database; leaves out the ids there is nothing for. */
  readonly load: (ids: string[]) => Promise<Map<string, LoadedRecord<T>>>;
  /** Gives back the value from its parsed JSON, equal to the one that was put; throws on anything else. */
  readonly parse: (json: unknown) => T;
  readonly idOf: (value: T) => string;
  readonly metrics: { readonly cacheRequests: Pick<Counter<'result'>, 'inc'> };
  readonly log: Logger;
  /** A clock in milliseconds. */
  readonly now?: () => number;
}

/** What a load of this length brought is not put into the cache, and its failure is not tried again. */
const slowLoadMs = 1000;
/** Longer than any value rests in the cache. */
const unsettledMs = 90_000;
const buried = Number.POSITIVE_INFINITY;

/**
 * Reads records through a cache that may be slow, away or full of rubbish, without a reader noticing more
 * than the time it takes. All ids asked for in one turn of the event loop share one round trip and one load.
 *
 * A reader is only handed what was looked up after it asked, so it sees every change committed before,
 * provided `write` or `bury` was awaited where the change was made and answered true. Where it answered
 * false, this process reads past the cache; others may see the old value until it expires or the write is
 * repeated.
 *
 * Values are shared between readers: treat them as immutable. Ids must be well-formed: they become keys and
 * are loaded together. Not for authorization, erasure or export, which must not depend on a cache.
 */
export class ReadThroughCache<T> {
  private readonly now: () => number;
  private readonly flights = new SingleFlight<T | null>((flights) => this.lookUp(flights));
  /** The newest revision of ids for which the cache has not confirmed that it has it. */
  private readonly unsettled = new LRUCache<string, number>({ max: 10_000, ttl: unsettledMs });

  constructor(private readonly options: ReadThroughCacheOptions<T>) {
    this.now = options.now ?? (() => performance.now());
  }

  /**
   * Answers one entry per distinct id: its value, or null where there is no such record.
   * Rejects only with what `load` rejected with.
   */
  async getMany(ids: readonly string[]): Promise<Map<string, T | null>> {
    const flights = [...new Set(ids)].map((id) => this.flights.join(id));
    const values = await Promise.all(flights.map((flight) => flight.landed));
    return new Map(flights.map((flight, at) => [flight.id, values[at] ?? null]));
  }

  /** Puts a value into the cache, after commit. Answers whether the cache has it or a newer one; never rejects. */
  async write(value: T, revision: number): Promise<boolean> {
    const id = this.options.idOf(value);
    return this.change(id, revision, () =>
      this.options.cache.putMany([{ id, revision, text: JSON.stringify(value) }]),
    );
  }

  /** Lets nobody read the id from now on, after commit. Answers whether the cache knows; never rejects. */
  async bury(id: string): Promise<boolean> {
    return this.change(id, buried, () => this.options.cache.bury(id));
  }

  private async change(id: string, revision: number, put: () => Promise<unknown>): Promise<boolean> {
    // Before the put, not after: until it is through, the cache still has the old value.
    this.unsettled.set(id, Math.max(revision, this.unsettled.get(id) ?? revision));
    this.flights.supersede(id);
    try {
      await put();
      this.settle(id, revision);
      return true;
    } catch (error) {
      this.options.log.debug({ err: error, id }, 'A change did not reach the cache');
      return false;
    }
  }

  private settle(id: string, revision: number): void {
    if ((this.unsettled.get(id) ?? buried) <= revision) this.unsettled.delete(id);
  }

  private async lookUp(flights: Flight<T | null>[]): Promise<void> {
    const cold: ColdFlight<T>[] = [];
    const asked: Flight<T | null>[] = [];
    for (const flight of flights) {
      const unsettled = this.unsettled.get(flight.id);
      if (unsettled === undefined) asked.push(flight);
      else if (unsettled === buried) this.buryAgain(flight);
      else cold.push({ flight, fill: true });
    }
    this.count('miss', cold.length);
    if (asked.length > 0) cold.push(...(await this.ask(asked)));
    if (cold.length > 0) await this.load(cold);
  }

  /** Lands the flights for which the cache has an answer, and gives back the others. */
  private async ask(flights: Flight<T | null>[]): Promise<ColdFlight<T>[]> {
    let records: CachedRecord[];
    try {
      records = await this.options.cache.getMany(flights.map((flight) => flight.id));
    } catch (error) {
      this.options.log.debug({ err: error, ids: flights.length }, 'The cache could not be read');
      this.count('error', flights.length);
      // Where reading failed, a fill would only fail too, and make the next reader wait for that.
      return flights.map((flight) => ({ flight, fill: false }));
    }
    const cold: ColdFlight<T>[] = [];
    const counts = { hit: 0, miss: 0, negative: 0, tombstone: 0, error: 0 };
    for (const [at, flight] of flights.entries()) {
      const record = records[at] ?? { kind: 'miss' };
      const value = record.kind === 'value' ? this.read(flight.id, record.text) : null;
      const result = record.kind !== 'value' ? record.kind : value === null ? 'error' : 'hit';
      counts[result] += 1;
      if (record.kind === 'value' && value === null) cold.push({ flight, fill: true, replaces: record.text });
      else if (record.kind === 'miss') cold.push({ flight, fill: true });
      else this.answer(flight, value);
    }
    for (const [result, count] of Object.entries(counts)) this.count(result, count);
    if (counts.error > 0)
      this.options.log.warn({ records: counts.error }, 'The cache had unreadable records');
    return cold;
  }

  private read(id: string, text: string): T | null {
    try {
      const value = this.options.parse(JSON.parse(text));
      return this.options.idOf(value) === id ? value : null;
    } catch {
      return null;
    }
  }

  private async load(cold: ColdFlight<T>[]): Promise<void> {
    const startedAtMs = this.now();
    let loaded: Map<string, LoadedRecord<T>>;
    try {
      loaded = await this.options.load(cold.map(({ flight }) => flight.id));
    } catch (error) {
      const slow = this.now() - startedAtMs > slowLoadMs;
      for (const { flight } of cold) {
        flight.reject(error);
        // They have waited long enough for a database that does not answer.
        if (slow) this.flights.rejectNext(flight, error);
      }
      return;
    }
    for (const { flight } of cold) flight.resolve(loaded.get(flight.id)?.value ?? null);
    // What a slow load brought may be older than what has been put meanwhile and is gone again.
    if (this.now() - startedAtMs <= slowLoadMs) await this.fill(cold, loaded);
  }

  private async fill(cold: ColdFlight<T>[], loaded: Map<string, LoadedRecord<T>>): Promise<void> {
    try {
      const puts = cold
        .filter(({ flight, fill }) => fill && !flight.superseded && !loaded.get(flight.id)?.uncacheable)
        .map(({ flight: { id }, replaces }): RecordPut => {
          const record = loaded.get(id);
          if (!record) return { id, revision: null, replaces };
          return { id, revision: record.revision, text: JSON.stringify(record.value), replaces };
        });
      if (puts.length === 0) return;
      await this.options.cache.putMany(puts);
      for (const { id, revision } of puts) if (revision !== null) this.settle(id, revision);
    } catch (error) {
      this.options.log.debug({ err: error, ids: cold.length }, 'The cache could not be filled');
    }
  }

  private buryAgain(flight: Flight<T | null>): void {
    this.count('tombstone', 1);
    this.answer(flight, null);
    void this.bury(flight.id);
  }

  private answer(flight: Flight<T | null>, value: T | null): void {
    flight.resolve(value);
    this.flights.land(flight);
  }

  private count(result: string, count: number): void {
    if (count > 0) this.options.metrics.cacheRequests.inc({ result }, count);
  }
}

/** A look-up the cache had no answer for; whether to fill it, and what unreadable text that may replace. */
interface ColdFlight<T> {
  readonly flight: Flight<T | null>;
  readonly fill: boolean;
  readonly replaces?: string;
}
