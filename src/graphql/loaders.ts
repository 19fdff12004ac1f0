import DataLoader from 'dataloader';
import type { CommerceRepository } from '../commerce/commerce.repository';
import { type CommerceSummary, initial as initialSummary } from '../commerce/user-history.projection';
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

/** Where the loaders read. */
export interface LoadersOptions {
  cache: UserCache;
  history: UserHistoryRepository;
  commerce: CommerceRepository;
  emailPreferenceLedger: EmailPreferenceLedger;
}

/** Maximum number of keys in one batch, because a statement with more keys would hold its connection for long. */
const maxBatchSize = 500;

/**
 * Returns the functions that read data for all requests. Reads in the same turn of the event loop share a statement.
 *
 * Only users are cached. Access is decided after loading, so requests of different actors can share a batch.
 */
export function createLoaders({
  cache,
  history,
  commerce,
  emailPreferenceLedger: preferences,
}: LoadersOptions) {
  return {
    /** Returns a user by canonical id, or null if unknown. Requests share the object, so do not change it. */
    user: (id: string): Promise<User | null> => cache.get(id),

    /** Returns users in the order of their canonical ids, null for unknown ones, errors for unreadable ones. */
    users: (ids: readonly string[]): Promise<(User | null | Error)[]> => cache.getMany(ids),

    /** Returns a user's commerce summary, with zeros if none is stored. */
    commerce: batched<string, CommerceSummary>(async (ids) => {
      const found = await commerce.findByUsers(ids);
      return ids.map((id) => found.get(id) ?? initialSummary);
    }),

    /** Returns the preferences that were in force at a time. Reads of the same time share a statement. */
    emailPreferencesAt: batched<{ userId: string; at: Date }, EmailPreferences>((keys) =>
      loadGroups(keys, {
        groupOf: ({ at }) => at.getTime(),
        load: (ids, { at }) => preferences.foldUntil(ids, at),
        empty: initialPreferences,
      }),
    ),

    /** Returns a page of a user's history, empty for an unknown user. Reads of equal pages share a statement. */
    history: batched<{ userId: string; page: HistoryPage }, Positioned<HistoryEntry>[]>((keys) =>
      loadGroups(keys, {
        groupOf: ({ page }) => JSON.stringify(page),
        load: (ids, { page }) => history.listByUsers(ids, page),
        empty: [],
      }),
    ),
  };
}

/** Returns a function that loads one key. Keys that are requested in the same turn of the event loop form a batch. */
function batched<Key, Value>(load: (keys: readonly Key[]) => Promise<readonly (Value | Error)[]>) {
  const loader = new DataLoader<Key, Value>(load as (keys: readonly Key[]) => Promise<Value[]>, {
    cache: false,
    maxBatchSize,
    batchScheduleFn: (dispatch) => setImmediate(dispatch),
  });
  return (key: Key): Promise<Value> => loader.load(key);
}

interface GroupedLoad<Key, Value> {
  /** Returns what the keys of a group have in common. Such keys differ only in their user. */
  readonly groupOf: (key: Key) => string | number;
  readonly load: (userIds: string[], key: Key) => Promise<ReadonlyMap<string, Value>>;
  /** The value of a user without stored data. */
  readonly empty: Value;
}

/** Loads each group with one statement. If that fails, the keys of the group get the error, and others their value. */
async function loadGroups<Key extends { userId: string }, Value>(
  keys: readonly Key[],
  { groupOf, load, empty }: GroupedLoad<Key, Value>,
): Promise<(Value | Error)[]> {
  const groups = new Map<string | number, Key[]>();
  for (const key of keys) {
    const group = groupOf(key);
    const members = groups.get(group);
    if (members) members.push(key);
    else groups.set(group, [key]);
  }
  const loaded = new Map<string | number, ReadonlyMap<string, Value> | Error>();
  await Promise.all(
    [...groups].map(async ([group, members]) => {
      const ids = [...new Set(members.map(({ userId }) => userId))];
      const result = load(ids, members[0] as Key).catch((error: unknown) => error as Error);
      loaded.set(group, await result);
    }),
  );
  return keys.map((key) => {
    const values = loaded.get(groupOf(key));
    return values instanceof Error ? values : (values?.get(key.userId) ?? empty);
  });
}
