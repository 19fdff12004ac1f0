import { recordErasedEvents } from '../erased/erased-users';
import type { PersonalTable } from '../personal-data/personal-data';
import { personalDataMap } from '../personal-data/personal-data-map';
import { deletionOf, updateOf } from '../postgres/chosen-rows';
import type { Transaction } from '../postgres/database';

/** A table with records of users, and the SQL condition for one user's records ($1). */
export interface ErasureStore extends Pick<PersonalTable, 'emptied' | 'remembered'> {
  readonly name: string;
  readonly ofUser: string;
}

/** Deleted with the user in the first transaction: few records, and some grant access. */
export const immediateStores = storesErased('immediately');

/** Deleted afterwards, in batches, in this order. */
export const batchedStores = storesErased('in batches');

function storesErased(when: 'immediately' | 'in batches'): readonly ErasureStore[] {
  return Object.entries(personalDataMap).flatMap(([name, { ofUser, erasure, ...kept }]) =>
    erasure === when && ofUser !== null ? [{ ...kept, name, ofUser }] : [],
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
  const { name: table, ofUser, emptied, remembered } = store;
  let records = 0;
  if (emptied) {
    const which = `${ofUser} AND ${emptied.which} LIMIT $2 FOR UPDATE`;
    const update = updateOf({ table, which }, emptied.assignments);
    [, records] = (await tx.manager.query(update, [userId, limit])) as [unknown, number];
    if (records === limit) return records;
  }
  const deletion = deletionOf({ table, which: `${ofUser} LIMIT $2 FOR UPDATE` });
  const returned = remembered
    ? ` RETURNING ${remembered.source} AS source, ${remembered.eventId} AS "eventId"`
    : '';
  const [deleted, count]: [{ source: string; eventId: string }[], number] = await tx.manager.query(
    `${deletion}${returned}`,
    [userId, limit - records],
  );
  if (remembered) await recordErasedEvents(tx, deleted);
  return records + count;
}

/** Adds a count to the effects of an erasure; zero adds no entry. */
export function addRecords(effects: Record<string, number>, store: string, records: number): void {
  if (records > 0) effects[store] = (effects[store] ?? 0) + records;
}
