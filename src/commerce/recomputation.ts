import { isDeepStrictEqual } from 'node:util';
import type { Database, Transaction } from '../postgres/database';
import { toFact } from './commerce-entry';
import type { CommerceEntryRow, RecomputationRepository } from './recomputation.repository';
import { type CommerceSummary, evolve, initial } from './user-history.projection';

const usersPerBatch = 500;

/** A user whose summary is not what the history adds up to. */
export interface SummaryDifference {
  readonly userId: string;
  readonly stored: CommerceSummary;
  readonly recomputed: CommerceSummary;
}

export interface RecomputationOptions {
  readonly database: Database;
  readonly repository: RecomputationRepository;
  /**
   * Runs in the transaction that writes what was recomputed over what is stored, with the user's row locked; null:
   * nothing is written.
   */
  readonly onFix: ((tx: Transaction, difference: SummaryDifference) => Promise<void>) | null;
  /** Is waited for. */
  readonly onDifference: (difference: SummaryDifference) => Promise<void>;
  /** Is told after each batch but the last how many users were looked at so far. */
  readonly onBatch: (users: number) => void;
}

/** Recomputes every user's summary from history with the pure projection; answers how many users there were. */
export async function recompute(options: RecomputationOptions): Promise<number> {
  const { repository, onBatch } = options;
  let users = 0;
  for (let after: string | null = null; ; ) {
    const ids: string[] = await repository.listUsers(after, usersPerBatch);
    if (ids.length > 0) await recomputeBatch(options, ids);
    users += ids.length;
    if (ids.length < usersPerBatch) return users;
    onBatch(users);
    after = ids.at(-1) ?? null;
  }
}

async function recomputeBatch(options: RecomputationOptions, userIds: string[]): Promise<void> {
  const { repository } = options;
  const [stored, entries] = [await repository.findSummaries(userIds), await repository.findEntries(userIds)];
  for (const userId of userIds) {
    const recomputed = add(entries.get(userId) ?? []);
    if (!isDeepStrictEqual(stored.get(userId) ?? initial, recomputed)) await lookAgain(options, userId);
  }
}

/**
 * An event may have been folded between the two reads: with the summary locked, what differs differs. So may the user
 * have been erased, or the history cut; then there is nothing to compare.
 */
async function lookAgain(options: RecomputationOptions, userId: string): Promise<void> {
  const { database, repository, onFix, onDifference } = options;
  const difference = await database.transaction(async (tx) => {
    const stored = await repository.lockSummary(tx, userId);
    if (!stored) return null;
    const recomputed = add((await repository.findEntries([userId], tx)).get(userId) ?? []);
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

function add(entries: readonly CommerceEntryRow[]): CommerceSummary {
  return entries.map(toFact).reduce(evolve, initial);
}
