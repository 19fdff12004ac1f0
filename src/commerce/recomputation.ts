import { isDeepStrictEqual } from 'node:util';
import type { Database, Transaction } from '../postgres/database';
import { keysetStart } from '../postgres/keyset';
import type { CommerceRepository } from './commerce.repository';
import { toFact } from './commerce-entry';
import type { RecomputationRepository } from './recomputation.repository';
import { type CommerceSummary, initial, summarize } from './user-history.projection';

const usersPerBatch = 500;

/** A user whose stored summary differs from the one recomputed from history. */
export interface SummaryDifference {
  readonly userId: string;
  readonly stored: CommerceSummary;
  readonly recomputed: CommerceSummary;
}

export interface RecomputationOptions {
  readonly database: Database;
  readonly commerce: CommerceRepository;
  readonly repository: RecomputationRepository;
  /**
   * Runs in the transaction that replaces a differing summary, with the user's row locked. Null selects a run that only
   * compares and replaces nothing.
   */
  readonly onFix: ((tx: Transaction, difference: SummaryDifference) => Promise<void>) | null;
  /** Awaited for each difference, after commit. */
  readonly onDifference: (difference: SummaryDifference) => Promise<void>;
  /** Called after each batch but the last with the number of users checked so far. */
  readonly onBatch: (users: number) => void;
}

/**
 * Recomputes every user's summary by folding the entries of the history again, and compares it with the stored one.
 * Replaces the stored one if `onFix` is given. Returns the number of users checked.
 */
export async function recompute(options: RecomputationOptions): Promise<number> {
  const { repository, onBatch } = options;
  let users = 0;
  for (let after = keysetStart.id; ; ) {
    const ids: string[] = await repository.listUsers(after, usersPerBatch);
    if (ids.length > 0) await recomputeBatch(options, ids);
    users += ids.length;
    if (ids.length < usersPerBatch) return users;
    onBatch(users);
    after = ids.at(-1) ?? after;
  }
}

async function recomputeBatch(options: RecomputationOptions, userIds: string[]): Promise<void> {
  const { commerce, repository } = options;
  const [stored, entries] = [await commerce.findByUsers(userIds), await repository.findEntries(userIds)];
  for (const userId of userIds) {
    const recomputed = summarize((entries.get(userId) ?? []).map(toFact));
    if (!isDeepStrictEqual(stored.get(userId) ?? initial, recomputed)) await compareLocked(options, userId);
  }
}

/**
 * Compares again with the summary locked, because an event may have been folded between the two reads. Replaces a
 * summary that still differs if `onFix` is given. Ignores users that were erased, and histories that were cut, since
 * then.
 */
async function compareLocked(options: RecomputationOptions, userId: string): Promise<void> {
  const { database, repository, onFix, onDifference } = options;
  const difference = await database.transaction(async (tx) => {
    const stored = await repository.lockSummary(tx, userId);
    if (!stored) return null;
    const entries = (await repository.findEntries([userId], tx)).get(userId) ?? [];
    const recomputed = summarize(entries.map(toFact));
    if (isDeepStrictEqual(stored, recomputed)) return null;
    const found = { userId, stored, recomputed };
    if (onFix) {
      await repository.replaceSummary(tx, userId, recomputed);
      await onFix(tx, found);
    }
    return found;
  });
  if (difference) await onDifference(difference);
}
