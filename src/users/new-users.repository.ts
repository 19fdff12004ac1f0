import { haveExpiredAfterFixedDays } from '../personal-data/expiries';
import type { Transaction } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { insertRows, type OwnedWrite, onConflictDoNothing, writeTogether } from '../postgres/write';
import { ExternalIdHolder } from './external-id-holder.entity';
import { type StoredUserStatus, User } from './user.entity';

const columns = selectListOf(User);
const pendingExpired = haveExpiredAfterFixedDays('pendingUsers');

/** SQL condition for the users that have the id, address, username or an external id of one of `uniqueKeysOf`. */
const haveUniqueKeys = `(id = ANY ($1::uuid[]) OR email_normalized = ANY ($2::text[])
  OR username_normalized = ANY ($3::text[])
  OR id = ANY (ARRAY(SELECT user_id FROM external_ids
    JOIN jsonb_to_recordset($4::jsonb) AS wanted (system text, id text)
      ON external_ids.system = wanted.system AND external_ids.external_id = wanted.id)))`;

/** Inserts those users whose id, address, username and external ids are free; returns them. */
export async function insertFreeUsers(tx: Transaction, users: readonly User[]): Promise<Set<User>> {
  const inserted = await insertFreeRows(tx, users);
  const refused = await removeWithTakenIds(tx, [...inserted]);
  for (const user of refused) inserted.delete(user);
  // One at a time: the id may have been taken only by another refused user.
  if (users.length > 1)
    for (const user of refused) for (const free of await insertFreeUsers(tx, [user])) inserted.add(free);
  return inserted;
}

async function insertFreeRows(tx: Transaction, users: readonly User[]): Promise<Set<User>> {
  if (users.length === 0) return new Set();
  const { raw } = await tx.manager
    .createQueryBuilder()
    .insert()
    .into(User)
    .values([...users])
    .orIgnore()
    .returning('id, email_normalized, username_normalized')
    .updateEntity(false)
    .execute();
  const written = new Set((raw as UniqueKeys[]).map(textOfKeys));
  // Of several users with the same keys, PostgreSQL inserted the first.
  return new Set(
    users.filter((user) => {
      const { id, emailNormalized: email_normalized, usernameNormalized: username_normalized } = user;
      return written.delete(textOfKeys({ id, email_normalized, username_normalized }));
    }),
  );
}

/** Stores the external ids of inserted users. Removes the users whose ids another user has, and returns them. */
async function removeWithTakenIds(tx: Transaction, inserted: readonly User[]): Promise<User[]> {
  const holders = inserted.filter(({ externalIds }) => externalIds !== null);
  if (holders.length === 0) return [];
  await writeTogether(tx, onConflictDoNothing(externalIdsOf(holders).write));
  const refused: { id: string }[] = await tx.manager
    .query(
      `DELETE FROM users WHERE id = ANY ($1::uuid[])
       AND jsonb_array_length(external_ids) > (SELECT count(*) FROM external_ids WHERE user_id = users.id)
     RETURNING id`,
      [holders.map(({ id }) => id)],
    )
    .then(([rows]: [{ id: string }[], number]) => rows);
  const ids = new Set(refused.map(({ id }) => id));
  return holders.filter(({ id }) => ids.has(id));
}

/** Returns the rows of the users' external ids: in one order, so that concurrent imports do not deadlock. */
export function externalIdsOf(users: readonly User[]): OwnedWrite {
  const rows = users.flatMap(({ id: userId, externalIds }) =>
    (externalIds ?? []).map(({ system, id: externalId }) => ({ system, externalId, userId })),
  );
  const keyOf = ({ system, externalId }: ExternalIdHolder) => JSON.stringify([system, externalId]);
  rows.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  return { write: insertRows(ExternalIdHolder, rows), ownerIds: rows.map(({ userId }) => userId) };
}

/** Returns the users that have the id, address, username or an external id of one of these new users. */
export async function findHolders(tx: Transaction, wanted: readonly User[]): Promise<User[]> {
  return tx.manager.query(`SELECT ${columns} FROM users WHERE ${haveUniqueKeys}`, uniqueKeysOf(wanted));
}

/** Removes expired `PENDING` users that have the id, address, username or an external id of one of these new users. */
export async function removeExpiredPending(tx: Transaction, ...wanted: readonly User[]): Promise<void> {
  const expired: { id: string }[] = await tx.manager.query(
    `SELECT id FROM users WHERE ${pendingExpired} AND ${haveUniqueKeys} ORDER BY id FOR UPDATE`,
    uniqueKeysOf(wanted),
  );
  for (const { id } of expired) await removePending(tx, id);
}

/** Removes a `PENDING` user and the idempotency keys of its calls; does nothing for other users. */
export async function removePending(tx: Transaction, id: string): Promise<void> {
  const [, removed]: [unknown, number] = await tx.manager.query(
    'DELETE FROM users WHERE id = $1 AND status = $2',
    [id, 'PENDING' satisfies StoredUserStatus],
  );
  if (removed > 0) await tx.manager.query('DELETE FROM idempotency_keys WHERE user_id = $1', [id]);
}

/** The unique columns of `users`, as `RETURNING` names them. */
interface UniqueKeys {
  readonly id: string;
  readonly email_normalized: string;
  readonly username_normalized: string;
}

function textOfKeys({ id, email_normalized, username_normalized }: UniqueKeys): string {
  return JSON.stringify([id, email_normalized, username_normalized]);
}

function uniqueKeysOf(users: readonly User[]): [string[], string[], string[], string] {
  return [
    users.map(({ id }) => id),
    users.map(({ emailNormalized }) => emailNormalized),
    users.map(({ usernameNormalized }) => usernameNormalized),
    JSON.stringify(users.flatMap(({ externalIds }) => externalIds ?? [])),
  ];
}
