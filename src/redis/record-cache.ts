/** What a cache knows about one id. `text` is the JSON as it was put, unparsed. */
export type CachedRecord =
  | { readonly kind: 'value'; readonly revision: number; readonly text: string }
  | { readonly kind: 'tombstone' }
  | { readonly kind: 'negative' }
  | { readonly kind: 'miss' };

/**
 * One record to put: its JSON text at a revision, or (`revision: null`) the knowledge that there is none.
 * `replaces` is text found under the id that nobody can read; exactly that text may be replaced whatever its
 * revision, anything else only by the rules.
 */
export type RecordPut = (
  | { readonly id: string; readonly revision: number; readonly text: string }
  | { readonly id: string; readonly revision: null }
) & { readonly replaces?: string | undefined };

/**
 * Keeps the newest revision of records by id, so that a late writer can never put an older one back.
 * Two implementations: Redis, shared by all replicas, and one inside the process.
 * Every method may reject when the store is away; none hangs.
 */
export interface RecordCache {
  /** Answers one entry per id, in the order of the ids. */
  getMany(ids: readonly string[]): Promise<CachedRecord[]>;

  /**
   * Stores what is newer than what is there and answers, in order, whether it did. Refused are an older or
   * equal revision, anything over a tombstone, and "there is none" over a value.
   */
  putMany(puts: readonly RecordPut[]): Promise<boolean[]>;

  /** Replaces whatever is known about the id by a tombstone, over which nothing can be put. */
  bury(id: string): Promise<void>;
}

/** How long each kind of entry may be believed, in milliseconds. */
export interface RecordLifetimes {
  readonly valueMs: number;
  readonly negativeMs: number;
  readonly tombstoneMs: number;
}

/** A minute for values, five seconds for "there is none", a day for tombstones. */
export const defaultLifetimes: RecordLifetimes = {
  valueMs: 60_000,
  negativeMs: 5_000,
  tombstoneMs: 24 * 60 * 60 * 1000,
};

/** Shortens a lifetime by up to a tenth at random, so that what was put together does not expire together. */
export function jitteredMs(lifetimeMs: number): number {
  return Math.max(1, Math.round(lifetimeMs * (1 - Math.random() / 10)));
}
