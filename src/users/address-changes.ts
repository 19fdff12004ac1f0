import type { Database } from '../postgres/database';
import { TooManyAddressChangesError } from './user.errors';

/** New e-mail addresses that a person may try in an hour. */
export const maxAddressChangesPerHour = 10;

const recentTries = `ARRAY(SELECT tried FROM unnest(stored.tried_at) AS tried WHERE tried > now() - interval '1 hour')`;

/** Returns SQL that counts an attempt of the person whose row `source` selects, and returns no row at the limit. */
const countTryOf = (source: string) => `
  INSERT INTO address_changes AS stored (user_id, tried_at, changed_at) ${source}
  ON CONFLICT ON CONSTRAINT address_changes_pkey DO UPDATE SET tried_at = ${recentTries} || now(), changed_at = now()
  WHERE cardinality(${recentTries}) < ${maxAddressChangesPerHour}
  RETURNING user_id`;

const countChange = `
  WITH known AS (SELECT id FROM users WHERE id = $1 AND email_normalized <> $2),
  counted AS (${countTryOf('SELECT id, ARRAY[now()], now() FROM known')})
  SELECT EXISTS (SELECT FROM known) AND NOT EXISTS (SELECT FROM counted) AS "isRefused"`;

/** Limits the new e-mail addresses that a person tries, because the result says whether an address is in use. */
export class AddressChanges {
  constructor(private readonly database: Database) {}

  /**
   * Checks the limit and counts an attempt of a person who may have no user yet. Concurrent attempts count each, so call
   * it before the creation.
   *
   * @throws TooManyAddressChangesError
   */
  async countCreation(userId: string): Promise<void> {
    const counted = await this.database.query(countTryOf('VALUES ($1::uuid, ARRAY[now()], now())'), [userId]);
    if (counted.length === 0) throw new TooManyAddressChangesError();
  }

  /** Counts one attempt less, for a creation whose result does not say that an address is in use. */
  async uncountCreation(userId: string): Promise<void> {
    const ofUser = 'WHERE user_id = $1 AND cardinality(tried_at)';
    await this.database.query(`UPDATE address_changes SET tried_at = trim_array(tried_at, 1) ${ofUser} > 0`, [
      userId,
    ]);
    // No row stays of an erased user.
    await this.database.query(`DELETE FROM address_changes ${ofUser} = 0`, [userId]);
  }

  /**
   * Checks the limit and counts an attempt of an existing user, in a transaction of its own. A change that fails counts,
   * too. A repeated call with the same idempotency key counts again. The current address does not count.
   *
   * @throws TooManyAddressChangesError
   */
  async countChange(userId: string, emailNormalized: string): Promise<void> {
    const [row] = await this.database.query<{ isRefused: boolean }>(countChange, [userId, emailNormalized]);
    if (row?.isRefused) throw new TooManyAddressChangesError();
  }
}
