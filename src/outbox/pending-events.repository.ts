import { keptMessages } from '../personal-data/personal-data';
import { secretFields } from '../personal-data/personal-data-of-events';
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
 * Locks the lanes that no other relay has locked, and returns them. The locks end with the transaction:
 * PostgreSQL ends the transaction of a frozen relay (`idle_in_transaction_session_timeout`).
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

/** Returns the oldest unpublished events of each lane, in order of position. */
export async function findPending(
  tx: Transaction,
  { lanes, limitPerLane, heldBack }: PendingEventsSelection,
): Promise<PendingEvent[]> {
  if (lanes.length === 0) return [];
  // No cursor on position: a transaction that drew its position earlier may commit later.
  return tx.manager.query(
    `SELECT pending.* FROM unnest($1::integer[]) AS locked (lane), LATERAL (
       SELECT id, lane, user_id AS "userId", version, type, data, occurred_at AS "occurredAt", traceparent
       FROM outbox_events
       WHERE published_at IS NULL AND lane = locked.lane AND user_id <> ALL ($3::uuid[]) AND id <> ALL ($3::uuid[])
         AND ${mayBePublished}
       ORDER BY position LIMIT $2
     ) AS pending`,
    [lanes, limitPerLane, heldBack],
  );
}

/**
 * SQL condition. Excludes events of erased users, which `republish` may have marked during the erasure. Events that an
 * erasure keeps are published, such as its `UserErased`.
 */
const mayBePublished = `(type IN (${Object.keys(keptMessages)
  .map((type) => `'${type}'`)
  .join()}) OR NOT EXISTS (SELECT FROM erased_users WHERE erased_users.user_id = outbox_events.user_id))`;

/**
 * Marks events as published and drops their secrets, in a transaction of its own. A confirmed event stays published
 * even if the relay's transaction rolls back, and row locks are short. The commit does not wait for the disk: if a
 * crash of PostgreSQL loses a mark, the event is published again.
 */
export async function markPublished(database: Database, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await database.query(prepared(markAsPublished), [ids]);
}

const withoutSecrets = `CASE type ${Object.entries(secretFields)
  .map(([type, fields]) => `WHEN '${type}' THEN data - '{${fields.join()}}'::text[]`)
  .join(' ')} ELSE data END`;

const markAsPublished = `
  UPDATE outbox_events SET published_at = now(), data = ${withoutSecrets}
  FROM (SELECT set_config('synchronous_commit', 'off', true)) AS setting
  WHERE id = ANY ($1::uuid[])`;

/** Returns the lanes that have unpublished events, including lanes beyond the current lane count. */
export async function findWaitingLanes(database: Database): Promise<number[]> {
  // Skips from lane to lane in the index: scanning a long backlog would cost more than publishing from it.
  const rows = await database.query<{ lane: number }>(`
    WITH RECURSIVE waiting AS (
      (SELECT lane FROM outbox_events WHERE published_at IS NULL ORDER BY lane LIMIT 1)
      UNION ALL
      SELECT (SELECT lane FROM outbox_events
              WHERE published_at IS NULL AND lane > waiting.lane ORDER BY lane LIMIT 1)
      FROM waiting WHERE waiting.lane IS NOT NULL
    )
    SELECT lane FROM waiting WHERE lane IS NOT NULL`);
  return rows.map(({ lane }) => lane);
}
