import { keptMessages } from '../personal-data/personal-data';
import { deletedOncePublished, secretFields } from '../personal-data/personal-data-of-events';
import type { Database, Transaction } from '../postgres/database';
import { lockKeys, tryLockParts } from '../postgres/locks';
import { prepared } from '../postgres/prepared';
import type { OutboxEvent } from './outbox-event.entity';

/** An event that is not published yet. */
export type PendingEvent = Pick<
  OutboxEvent,
  'id' | 'lane' | 'userId' | 'version' | 'type' | 'data' | 'occurredAt' | 'traceparent'
>;

/**
 * Locks the lanes that no other relay has locked, and returns them. Does not wait. The locks end with the transaction.
 * PostgreSQL ends the transaction of a hanging relay after five idle seconds (`idle_in_transaction_session_timeout`).
 */
export function lockLanes(tx: Transaction, lanes: readonly number[]): Promise<number[]> {
  return tryLockParts(tx, lockKeys.relayLane, lanes);
}

export interface PendingEventsSelection {
  readonly lanes: readonly number[];
  readonly limitPerLane: number;
  /** Ids of events to leave out, and of users to leave out with all their events. */
  readonly heldBack: readonly string[];
}

/**
 * Returns the oldest events of each lane that may be published, at most `limitPerLane`, in order of position. Leaves
 * out those held back, and those of erased users except for what an erasure keeps.
 */
export async function findPending(
  tx: Transaction,
  { lanes, limitPerLane, heldBack }: PendingEventsSelection,
): Promise<PendingEvent[]> {
  if (lanes.length === 0) return [];
  // From the start each time: a row with a lower position may be committed later, and a cursor would skip it.
  return tx.manager.query(
    `SELECT id, lane, user_id AS "userId", version, type, data, occurred_at AS "occurredAt", traceparent
     FROM unnest($1::integer[]) AS locked (number), LATERAL (
       SELECT * FROM outbox_events
       WHERE published_at IS NULL AND lane = locked.number AND user_id <> ALL ($3::uuid[]) AND id <> ALL ($3::uuid[])
         AND ${mayBePublished}
       ORDER BY position LIMIT $2
     ) AS pending
     ORDER BY position`,
    [lanes, limitPerLane, heldBack],
  );
}

/**
 * SQL condition that excludes events of erased users. An erasure deletes published events in batches. Until then,
 * `republish` can mark them as unpublished. Types in `keptMessages`, such as `UserErased`, are not excluded.
 */
const mayBePublished = `(type IN (${Object.keys(keptMessages)
  .map((type) => `'${type}'`)
  .join()}) OR NOT EXISTS (SELECT FROM erased_users WHERE erased_users.user_id = outbox_events.user_id))`;

/**
 * Marks events as published and drops their secrets. Deletes audit events instead, because `republish` leaves them out
 * and audit entries have the same contents.
 *
 * It uses transactions of its own: a rollback of the relay does not undo them, and they hold row locks briefly. The
 * commits do not wait for the disk: if a crash of PostgreSQL loses one, its events are published again.
 */
export async function markPublished(
  database: Database,
  events: readonly Pick<PendingEvent, 'id' | 'type'>[],
): Promise<void> {
  const toDelete: string[] = [];
  const toMark: string[] = [];
  for (const { id, type } of events) (deletedOncePublished.includes(type) ? toDelete : toMark).push(id);
  if (toDelete.length > 0) await database.query(prepared(deletePublished), [toDelete]);
  if (toMark.length > 0) await database.query(prepared(markAsPublished), [toMark]);
}

const withoutSecrets = `CASE type ${Object.entries(secretFields)
  .map(([type, fields]) => `WHEN '${type}' THEN data - '{${fields.join()}}'::text[]`)
  .join(' ')} ELSE data END`;

/** Sets `synchronous_commit` for this transaction without a second statement. */
const asynchronousCommit = `(SELECT set_config('synchronous_commit', 'off', true)) AS setting`;

const markAsPublished = `
  UPDATE outbox_events SET published_at = now(), data = ${withoutSecrets}
  FROM ${asynchronousCommit}
  WHERE id = ANY ($1::uuid[])`;

const deletePublished = `DELETE FROM outbox_events USING ${asynchronousCommit} WHERE id = ANY ($1::uuid[])`;

/**
 * Returns the lanes with unpublished events: also the audit lane, lanes of a larger `laneCount` than today's, and lanes
 * from which `findPending` returns nothing.
 */
export async function findLanesWithPending(database: Database): Promise<number[]> {
  // Reads one index entry for each lane. DISTINCT would read every unpublished event.
  const rows = await database.query<{ lane: number }>(`
    WITH RECURSIVE pending AS (
      (SELECT lane FROM outbox_events WHERE published_at IS NULL ORDER BY lane LIMIT 1)
      UNION ALL
      SELECT (SELECT lane FROM outbox_events
              WHERE published_at IS NULL AND lane > pending.lane ORDER BY lane LIMIT 1)
      FROM pending WHERE pending.lane IS NOT NULL
    )
    SELECT lane FROM pending WHERE lane IS NOT NULL`);
  return rows.map(({ lane }) => lane);
}
