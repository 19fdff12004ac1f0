/**
 * The cache entry of one id. `text` is the JSON as it was put, unparsed. `negative` means that there is no such record.
 */
export type CachedRecord =
  | { readonly kind: 'value'; readonly revision: number; readonly text: string }
  | { readonly kind: 'tombstone' }
  | { readonly kind: 'negative' }
  | { readonly kind: 'miss' };

/**
 * One entry to put: a record's JSON text at a revision, or `revision: null` for a negative entry.
 * `replaces` is unreadable text found under the id: exactly that text is overwritten whatever its revision.
 */
export type RecordPut = (
  | { readonly id: string; readonly revision: number; readonly text: string }
  | { readonly id: string; readonly revision: null }
) & { readonly replaces?: string | undefined };

/**
 * Keeps the newest revision of each record: a late writer cannot overwrite it with an older one.
 * Two implementations: Redis, shared by all replicas, and in-process.
 * Every method may reject while the store is unavailable; none waits without limit.
 */
export interface RecordCache {
  /** Returns one entry per id, in the order of the ids. */
  getMany(ids: readonly string[]): Promise<CachedRecord[]>;

  /**
   * Stores entries newer than the existing ones and returns, in order, whether each was stored. Not stored are
   * an older or equal revision, anything over a tombstone, and a negative entry over a value.
   */
  putMany(puts: readonly RecordPut[]): Promise<boolean[]>;

  /** Replaces the entry of the id with a tombstone, which `putMany` never overwrites. */
  bury(id: string): Promise<void>;
}

/** Lifetimes of entries by kind, in milliseconds. */
export interface RecordLifetimes {
  readonly valueMs: number;
  readonly negativeMs: number;
  readonly tombstoneMs: number;
}

/** One minute for values, five seconds for negative entries, one day for tombstones. */
export const defaultLifetimes: RecordLifetimes = {
  valueMs: 60_000,
  negativeMs: 5_000,
  tombstoneMs: 24 * 60 * 60 * 1000,
};

/** Shortens a lifetime by up to 10% at random, so that entries put together do not expire together. */
export function jitteredMs(lifetimeMs: number): number {
  return Math.max(1, Math.round(lifetimeMs * (1 - Math.random() / 10)));
}
