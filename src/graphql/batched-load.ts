import { nextTurn } from '../scheduling/next-turn';

/** The most users in one statement, because a statement with more would hold its connection for long. */
const maxUsers = 500;

/**
 * Returns a function that loads values by user id. All calls with equal options in one turn of the event loop share a
 * statement, and get a map with the users of all of them.
 *
 * @param keyOf returns equal texts for equal options
 */
export function batchedLoad<Options, Value>(
  load: (userIds: readonly string[], options: Options) => Promise<ReadonlyMap<string, Value>>,
  keyOf: (options: Options) => string,
): (userIds: readonly string[], options: Options) => Promise<ReadonlyMap<string, Value>> {
  const collecting = new Map<string, { userIds: Set<string>; values: Promise<ReadonlyMap<string, Value>> }>();

  async function loadAll(key: string, userIds: Set<string>, options: Options) {
    await nextTurn();
    collecting.delete(key);
    const ids = [...userIds];
    if (ids.length <= maxUsers) return load(ids, options);
    const parts: Promise<ReadonlyMap<string, Value>>[] = [];
    for (let from = 0; from < ids.length; from += maxUsers)
      parts.push(load(ids.slice(from, from + maxUsers), options));
    return new Map((await Promise.all(parts)).flatMap((part) => [...part]));
  }

  return (userIds, options) => {
    const key = keyOf(options);
    let batch = collecting.get(key);
    if (!batch) {
      const ids = new Set<string>();
      batch = { userIds: ids, values: loadAll(key, ids, options) };
      collecting.set(key, batch);
    }
    for (const id of userIds) batch.userIds.add(id);
    return batch.values;
  };
}
