import type { Database, Transaction } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { type ExternalId, User } from './user.entity';
import { fromConstraint } from './user.errors';

/** Returns the user with exactly this id in this system, or null. */
export async function findByExternalId(database: Database, { system, id }: ExternalId): Promise<User | null> {
  const [row] = await database.query<User>(
    `SELECT ${selectListOf(User)} FROM users
     WHERE id = (SELECT user_id FROM external_ids WHERE system = $1 AND external_id = $2)`,
    [system, id],
  );
  return row ?? null;
}

/**
 * Gives the id in a system to a user whose row is locked, instead of the user's id there. Null only removes that.
 *
 * @throws ExternalIdTakenError
 */
export async function replaceExternalId(
  tx: Transaction,
  userId: string,
  { system, id }: { system: string; id: string | null },
): Promise<void> {
  await tx.manager.query('DELETE FROM external_ids WHERE user_id = $1 AND system = $2', [userId, system]);
  if (id === null) return;
  await tx.manager
    .query('INSERT INTO external_ids (system, external_id, user_id) VALUES ($1, $2, $3)', [
      system,
      id,
      userId,
    ])
    .catch((error: unknown) => {
      throw fromConstraint(error);
    });
}
