import { LRUCache } from 'lru-cache';
import {
  type CachedRecord,
  defaultLifetimes,
  jitteredMs,
  type RecordCache,
  type RecordLifetimes,
  type RecordPut,
} from './record-cache';

export interface InProcessRecordCacheOptions {
  /** Maximum number of entries; the least recently used are evicted first. */
  readonly maxEntries?: number;
  /** Maximum number of JSON characters in all entries together. */
  readonly maxCharacters?: number;
  readonly lifetimes?: RecordLifetimes;
}

/**
 * A bounded record cache in this process's memory, for a service that runs as one process without Redis.
 * Other processes do not see its writes and tombstones: with several replicas, each could return outdated records
 * for up to the lifetime of a value.
 */
export class InProcessRecordCache implements RecordCache {
  private readonly entries: LRUCache<string, CachedRecord>;
  private readonly lifetimes: RecordLifetimes;

  constructor({
    maxEntries = 10_000,
    maxCharacters = 32 * 1024 * 1024,
    lifetimes = defaultLifetimes,
  }: InProcessRecordCacheOptions = {}) {
    this.lifetimes = lifetimes;
    this.entries = new LRUCache({
      max: maxEntries,
      maxSize: maxCharacters,
      sizeCalculation: (entry) => (entry.kind === 'value' ? entry.text.length + 1 : 1),
      // Reads the clock for every entry; a cached time would make short lifetimes inexact.
      ttlResolution: 0,
    });
  }

  async getMany(ids: readonly string[]): Promise<CachedRecord[]> {
    return ids.map((id) => this.entries.get(id) ?? { kind: 'miss' });
  }

  async putMany(puts: readonly RecordPut[]): Promise<boolean[]> {
    return puts.map((put) => this.put(put));
  }

  async bury(id: string): Promise<void> {
    this.entries.set(id, { kind: 'tombstone' }, { ttl: this.lifetimes.tombstoneMs });
  }

  private put(put: RecordPut): boolean {
    const current = this.entries.get(put.id);
    if (current?.kind === 'tombstone') return false;
    if (current?.kind === 'value' && current.text !== put.replaces) {
      if (put.revision === null || put.revision <= current.revision) return false;
    }
    if (put.revision === null) {
      this.entries.set(put.id, { kind: 'negative' }, { ttl: this.lifetimes.negativeMs });
    } else {
      const { revision, text } = put;
      const ttl = jitteredMs(this.lifetimes.valueMs);
      this.entries.set(put.id, { kind: 'value', revision, text }, { ttl });
    }
    return true;
  }
}
