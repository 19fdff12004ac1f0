import { deletedOncePublished, secretFields } from '../personal-data/personal-data-of-events';
import type { Database } from '../postgres/database';

const batchSize = 500;
const leftOut = [...deletedOncePublished, ...Object.keys(secretFields)];

/** Selects events to publish again. */
export interface RepublishSelection {
  /** Inclusive; compared with the time when the event happened. */
  readonly since: Date;
  /** Defaults to all users. */
  readonly userId?: string | undefined;
}

/**
 * Marks events as unpublished, so that the relay publishes them again with the same ids, in order for each user.
 * Returns their number. Leaves out audit events and those whose secrets were dropped. Cannot restore events that
 * retention has deleted. It can be killed and run again.
 *
 * @param onBatch called after each batch with its number of events
 */
export async function republish(
  database: Database,
  { since, userId }: RepublishSelection,
  onBatch: (count: number) => void = () => undefined,
): Promise<number> {
  let total = 0;
  // In ascending position: the relay publishes concurrently, and must not send a user's later event first.
  for (let after = '0'; ; ) {
    const [rows] = (await database.query(
      `UPDATE outbox_events SET published_at = NULL WHERE id IN (
         SELECT id FROM outbox_events
         WHERE published_at IS NOT NULL AND occurred_at >= $1 AND position > $2 AND ($3::uuid IS NULL OR user_id = $3)
           AND type <> ALL ($5::text[])
         ORDER BY position LIMIT $4 FOR UPDATE)
       RETURNING position`,
      [since, after, userId ?? null, batchSize, leftOut],
    )) as [{ position: string }[], number];
    const positions = rows.map(({ position }) => BigInt(position));
    total += positions.length;
    if (positions.length > 0) onBatch(positions.length);
    if (positions.length < batchSize) return total;
    after = String(positions.reduce((one, other) => (one > other ? one : other)));
  }
}
