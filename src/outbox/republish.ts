import type { Database } from '../postgres/database';
import { isAuditEvent, routingKeys } from './cloud-event';

const batchSize = 500;
/** What auditors were told is no event of the users. */
const auditTypes = Object.keys(routingKeys).filter(isAuditEvent);

/** Which published events are wanted again. */
export interface RepublishSelection {
  /** Inclusive; by when the event happened. */
  readonly since: Date;
  /** All users when left out. */
  readonly userId?: string | undefined;
}

/**
 * Lets the relay publish events again, with the same ids and each user's in order; answers how many.
 * Events that were removed after their retention do not come back. It can be killed and run again.
 *
 * @param onBatch is told how many more after each batch
 */
export async function republish(
  database: Database,
  { since, userId }: RepublishSelection,
  onBatch: (count: number) => void = () => undefined,
): Promise<number> {
  let total = 0;
  // By position, lowest first: what the relay sends meanwhile it never sends before what came earlier.
  for (let after = '0'; ; ) {
    const [rows] = (await database.query(
      `UPDATE outbox_events SET published_at = NULL WHERE id IN (
         SELECT id FROM outbox_events
         WHERE published_at IS NOT NULL AND occurred_at >= $1 AND position > $2 AND ($3::uuid IS NULL OR user_id = $3)
           AND type <> ALL ($5::text[])
         ORDER BY position LIMIT $4 FOR UPDATE)
       RETURNING position`,
      [since, after, userId ?? null, batchSize, auditTypes],
    )) as [{ position: string }[], number];
    const positions = rows.map(({ position }) => BigInt(position));
    total += positions.length;
    if (positions.length > 0) onBatch(positions.length);
    if (positions.length < batchSize) return total;
    after = String(positions.reduce((one, other) => (one > other ? one : other)));
  }
}
