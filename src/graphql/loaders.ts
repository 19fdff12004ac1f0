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

/** Where the loaders read. */
export interface LoadersOptions {
  cache: UserCache;
  history: UserHistoryRepository;
  commerce: CommerceRepository;
  emailPreferenceLedger: EmailPreferenceLedger;
}

/** Keys of one batch; more would make a statement that holds its connection for long. */
const maxBatchSize = 500;

/**
 * Loads for all requests: what the requests of one turn of the event loop ask for is one statement.
 *
 * Nothing is remembered, and access is decided after loading, so requests of different actors can share a batch.
 */
export function createLoaders({
  cache,
  history,
  commerce,
  emailPreferenceLedger: preferences,
}: LoadersOptions) {
  return {
    /** A user by canonical id; null if unknown. Users are shared: treat them as immutable. */
    user: (id: string): Promise<User | null> => cache.get(id),

    /** A user's commerce summary; zeros if there is none. */
    commerce: batched<string, CommerceSummary>(async (ids) => {
      const found = await commerce.findByUsers(ids);
      return ids.map((id) => found.get(id) ?? initial);
    }),

    /** The preferences that were in force at a time: one statement for the users of one time. */
    emailPreferencesAt: batched<{ userId: string; at: Date }, EmailPreferences>((keys) =>
      loadGroups(keys, {
        groupOf: ({ at }) => at.getTime(),
        load: (ids, { at }) => preferences.foldUntil(ids, at),
        empty: initialPreferences,
      }),
    ),

    /** A page of a user's history: one statement for the users of equal pages. */
    history: batched<{ userId: string; page: HistoryPage }, Positioned<HistoryEntry>[]>((keys) =>
      loadGroups(keys, {
        groupOf: ({ page }) => JSON.stringify(page),
        load: (ids, { page }) => history.listByUsers(ids, page),
        empty: [],
      }),
    ),
  };
}

/** A loader that gathers keys until the requests that arrived together have asked, and remembers nothing. */
function batched<Key, Value>(load: (keys: readonly Key[]) => Promise<readonly (Value | Error)[]>) {
  const loader = new DataLoader<Key, Value>(load as (keys: readonly Key[]) => Promise<Value[]>, {
    cache: false,
    maxBatchSize,
    batchScheduleFn: (dispatch) => setImmediate(dispatch),
  });
  return (key: Key): Promise<Value> => loader.load(key);
}

interface GroupedLoad<Key, Value> {
  /** Keys of one group differ in their user alone. */
  readonly groupOf: (key: Key) => string | number;
  readonly load: (userIds: string[], key: Key) => Promise<ReadonlyMap<string, Value>>;
  /** The value of a user without stored data. */
  readonly empty: Value;
}

/** Loads each group with one statement. A group that fails leaves the others untouched. */
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
    const found = loaded.get(groupOf(key));
    return found instanceof Error ? found : (found?.get(key.userId) ?? empty);
  });
}
