import DataLoader from 'dataloader';
import type { CommerceRepository } from '../history/commerce.repository';
import type { HistoryEntry } from '../history/history-entry.entity';
import type { KeysetPosition, Positioned } from '../history/keyset';
import { type CommerceSummary, initial } from '../history/user-history.projection';
import type { HistoryFilter, UserHistoryRepository } from '../history/user-history.repository';
import type { UserCache } from '../users/user.cache';
import type { User } from '../users/user.entity';

/** A page of a user's history, as one field of an operation asks for it. */
export interface HistoryPage {
  filter: HistoryFilter;
  limit: number;
  after: KeysetPosition | null;
}

export type Loaders = ReturnType<typeof createLoaders>;

/** The batches of one request. A loader remembers, so it never outlives its request. */
export function createLoaders(
  users: UserCache,
  history: UserHistoryRepository,
  commerce: CommerceRepository,
) {
  const historyByPage = new Map<string, DataLoader<string, Positioned<HistoryEntry>[]>>();
  return {
    /** A user by canonical id; null when unknown. */
    user: new DataLoader<string, User | null>(async (ids) => {
      const found = await users.getMany(ids);
      return ids.map((id) => found.get(id) ?? null);
    }),

    /** What a user's commerce adds up to; zeros without any. */
    commerce: new DataLoader<string, CommerceSummary>(async (ids) => {
      const found = await commerce.findByUsers(ids);
      return ids.map((id) => found.get(id) ?? initial);
    }),

    /** The same page of the history of many users is one statement. */
    history(userId: string, page: HistoryPage): Promise<Positioned<HistoryEntry>[]> {
      const key = JSON.stringify(page);
      let loader = historyByPage.get(key);
      if (!loader) {
        loader = new DataLoader(async (ids) => {
          const found = await history.listByUsers(ids, page.filter, page.limit, page.after);
          return ids.map((id) => found.get(id) ?? []);
        });
        historyByPage.set(key, loader);
      }
      return loader.load(userId);
    },
  };
}
