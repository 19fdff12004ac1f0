import DataLoader from 'dataloader';
import type { CommerceRepository } from '../commerce/commerce.repository';
import { type CommerceSummary, initial } from '../commerce/user-history.projection';
import type { EmailPreferenceLedger } from '../consent/email-preference-ledger';
import {
  type EmailPreferences,
  initial as initialPreferences,
} from '../consent/email-preferences.projection';
import type { HistoryEntry } from '../history/history-entry.entity';
import type { HistoryPage, UserHistoryRepository } from '../history/user-history.repository';
import type { Positioned } from '../postgres/keyset';
import type { UserCache } from '../users/user.cache';
import type { User } from '../users/user.entity';

export type Loaders = ReturnType<typeof createLoaders>;

export interface LoadersOptions {
  cache: UserCache;
  history: UserHistoryRepository;
  commerce: CommerceRepository;
  emailPreferenceLedger: EmailPreferenceLedger;
}

/** Creates the loaders of one request. They cache what they read, so they must not be reused for another request. */
export function createLoaders({
  cache: users,
  history,
  commerce,
  emailPreferenceLedger: preferences,
}: LoadersOptions) {
  const preferencesByTime = new Map<number, DataLoader<string, EmailPreferences>>();
  const historyByPage = new Map<string, DataLoader<string, Positioned<HistoryEntry>[]>>();
  return {
    /** Loads users by canonical id. Null for unknown users. */
    user: new DataLoader<string, User | null>(async (ids) => {
      const found = await users.getMany(ids);
      return ids.map((id) => found.get(id) ?? null);
    }),

    /** Loads commerce summaries by user id. All values are zero without orders, payments and points. */
    commerce: new DataLoader<string, CommerceSummary>(async (ids) => {
      const found = await commerce.findByUsers(ids);
      return ids.map((id) => found.get(id) ?? initial);
    }),

    /** Returns the preferences that were in force at a time. Runs one statement for all users with the same time. */
    emailPreferencesAt(userId: string, at: Date): Promise<EmailPreferences> {
      let loader = preferencesByTime.get(at.getTime());
      if (!loader) {
        loader = new DataLoader(async (ids) => {
          const found = await preferences.foldUntil(ids, at);
          return ids.map((id) => found.get(id) ?? initialPreferences);
        });
        preferencesByTime.set(at.getTime(), loader);
      }
      return loader.load(userId);
    },

    /** Returns a page of a user's history. Runs one statement for all users with the same page arguments. */
    history(userId: string, page: HistoryPage): Promise<Positioned<HistoryEntry>[]> {
      const key = JSON.stringify(page);
      let loader = historyByPage.get(key);
      if (!loader) {
        loader = new DataLoader(async (ids) => {
          const found = await history.listByUsers(ids, page);
          return ids.map((id) => found.get(id) ?? []);
        });
        historyByPage.set(key, loader);
      }
      return loader.load(userId);
    },
  };
}
