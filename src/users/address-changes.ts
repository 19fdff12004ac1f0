import type { Database } from '../postgres/database';
import { TooManyAddressChangesError } from './user.errors';

/** New e-mail addresses that a person may try in an hour. */
export const maxAddressChangesPerHour = 10;

const recentTries = `ARRAY(SELECT tried FROM unnest(stored.tried_at) AS tried WHERE tried > now() - interval '1 hour')`;

const countTry = `
  WITH known AS (SELECT id FROM users WHERE id = $1 AND email_normalized <> $2),
  counted AS (
    INSERT INTO address_changes AS stored (user_id, tried_at, changed_at) SELECT id, ARRAY[now()], now() FROM known
    ON CONFLICT ON CONSTRAINT address_changes_pkey DO UPDATE SET tried_at = ${recentTries} || now(), changed_at = now()
    WHERE cardinality(${recentTries}) < $3
    RETURNING user_id
  )
  SELECT EXISTS (SELECT FROM known) AND NOT EXISTS (SELECT FROM counted) AS "isRefused"`;

/**
 * Limits the new e-mail addresses that a person tries, because the result says whether an address is in use. Concurrent
 * creations may exceed the limit: `check` and `recordFailedCreation` are two transactions.
 */
export class AddressChanges {
  constructor(private readonly database: Database) {}

  /**
   * Throws if the person has no attempt left. The person may have no user yet.
   *
   * @throws TooManyAddressChangesError
   */
  async check(userId: string): Promise<void> {
    const [row] = await this.database.query<{ tries: number }>(
      `SELECT cardinality(${recentTries}) AS tries FROM address_changes AS stored WHERE user_id = $1`,
      [userId],
    );
    if (row && row.tries >= maxAddressChangesPerHour) throw new TooManyAddressChangesError();
  }

  /** Records a failed creation: its error says that an address is in use. Call `check` before the creation. */
  async recordFailedCreation(userId: string): Promise<void> {
    await this.database.query(
      `INSERT INTO address_changes AS stored (user_id, tried_at, changed_at) VALUES ($1, ARRAY[now()], now())
       ON CONFLICT ON CONSTRAINT address_changes_pkey
       DO UPDATE SET tried_at = ${recentTries} || now(), changed_at = now()`,
      [userId],
    );
  }

  /**
   * Checks the limit and counts an attempt of an existing user, in a transaction of its own. A change that fails counts,
   * too. A repeated call with the same idempotency key counts again. The current address does not count.
   *
   * @throws TooManyAddressChangesError
   */
  async countChange(userId: string, emailNormalized: string): Promise<void> {
    const [row] = await this.database.query<{ isRefused: boolean }>(countTry, [
      userId,
      emailNormalized,
      maxAddressChangesPerHour,
    ]);
    if (row?.isRefused) throw new TooManyAddressChangesError();
  }
}
