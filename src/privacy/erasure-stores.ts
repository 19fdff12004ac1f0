import type { PersonalTable } from '../personal-data/personal-data';
import { personalDataMap } from '../personal-data/personal-data-map';
import { deletionOf, updateOf } from '../postgres/chosen-rows';
import type { Transaction } from '../postgres/database';

/** A table with records of users, and the SQL condition for one user's records ($1). */
export interface ErasureStore {
  readonly name: string;
  readonly ofUser: string;
  /** Which records stay without what they say about the user ($1). */
  readonly emptied?: PersonalTable['emptied'];
}

/** Deleted with the user in the first transaction: few records, and some grant access. */
export const immediateStores = storesErased('immediately');

/** Deleted afterwards, in batches, in this order. */
export const batchedStores = storesErased('in batches');

function storesErased(when: 'immediately' | 'in batches'): readonly ErasureStore[] {
  return Object.entries(personalDataMap).flatMap(([name, { ofUser, erasure, emptied }]) =>
    erasure === when && ofUser !== null ? [{ name, ofUser, ...(emptied && { emptied }) }] : [],
  );
}

/** Returns the number of the user's records. */
export async function countRecords(tx: Transaction, store: ErasureStore, userId: string): Promise<number> {
  const [row]: { records: number }[] = await tx.manager.query(
    `SELECT count(*)::int AS records FROM ${store.name} WHERE ${store.ofUser}`,
    [userId],
  );
  return row?.records ?? 0;
}

/** Deletes or empties at most `limit` records of the user; returns how many. */
export async function deleteRecords(
  tx: Transaction,
  store: ErasureStore,
  { userId, limit }: { userId: string; limit: number },
): Promise<number> {
  const { name: table, ofUser, emptied } = store;
  const run = async (sql: string, maximum: number) => {
    const [, records]: [unknown, number] = await tx.manager.query(sql, [userId, maximum]);
    return records;
  };
  if (!emptied) return run(deletionOf({ table, which: `${ofUser} LIMIT $2 FOR UPDATE` }), limit);
  const which = `${ofUser} AND ${emptied.which} LIMIT $2 FOR UPDATE`;
  const records = await run(updateOf({ table, which }, emptied.assignments), limit);
  if (records === limit) return records;
  return (
    records + (await run(deletionOf({ table, which: `${ofUser} LIMIT $2 FOR UPDATE` }), limit - records))
  );
}

/** Adds a count to the effects of an erasure; zero adds no entry. */
export function addRecords(effects: Record<string, number>, store: string, records: number): void {
  if (records > 0) effects[store] = (effects[store] ?? 0) + records;
}
