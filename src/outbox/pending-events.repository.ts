import type { Database, Transaction } from '../postgres/database';
import { prepared } from '../postgres/prepared';
import type { OutboxEvent } from './outbox-event.entity';

/** The first half of the relays' advisory locks; the second is the lane. */
const relayLock = 1_869_968_482;

/** An event that waits to be published. */
export type PendingEvent = Pick<
  OutboxEvent,
  'id' | 'lane' | 'userId' | 'version' | 'type' | 'data' | 'occurredAt' | 'traceparent'
>;

/**
 * Leads those of these lanes that no other relay leads, until the end of the transaction and no longer: the lock of
 * a leader that froze is free again as soon as the database gives it up (`idle_in_transaction_session_timeout`).
 */
export async function leadLanes(tx: Transaction, lanes: readonly number[]): Promise<number[]> {
  const rows: { lane: number }[] = await tx.manager.query(
    `SELECT lane FROM unnest($2::integer[]) AS lane WHERE pg_try_advisory_xact_lock($1, lane)`,
    [relayLock, lanes],
  );
  return rows.map(({ lane }) => lane);
}

/** The oldest unpublished events of each lane, in order; without those of the users who are held back. */
export async function findPending(
  tx: Transaction,
  lanes: readonly number[],
  limitPerLane: number,
  heldBack: readonly string[],
): Promise<PendingEvent[]> {
  if (lanes.length === 0) return [];
  // Not "later than the last one": a transaction that drew its position earlier may commit later.
  return tx.manager.query(
    `SELECT pending.* FROM unnest($1::integer[]) AS led (lane), LATERAL (
       SELECT id, lane, user_id AS "userId", version, type, data, occurred_at AS "occurredAt", traceparent
       FROM outbox_events
       WHERE published_at IS NULL AND lane = led.lane AND user_id <> ALL ($3::uuid[])
       ORDER BY position LIMIT $2
     ) AS pending`,
    [lanes, limitPerLane, heldBack],
  );
}

/**
 * Marks events as published, and commits: what a broker has confirmed is true whoever leads, and its rows are locked
 * for no longer than that. Nobody waits for the disk: a mark that a crash of PostgreSQL loses is an event published
 * again.
 */
export async function markPublished(database: Database, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await database.query(prepared(markAsPublished), [ids]);
}

const markAsPublished = `
  UPDATE outbox_events SET published_at = now()
  FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
  WHERE id = ANY ($1::uuid[])`;

/** The lanes in which something waits, also those that a former lane count made. */
export async function findWaitingLanes(database: Database): Promise<number[]> {
  // From lane to lane through the index: counting a long backlog would cost more than publishing from it.
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

/** How much waits, and since when. */
export interface Backlog {
  readonly pending: number;
  /** Age of the oldest waiting event in seconds; 0 when nothing waits. */
  readonly oldestSeconds: number;
}

/** @throws DatabaseUnavailableError */
export async function readBacklog(database: Database): Promise<Backlog> {
  const [row] = await database.query<{ pending: string; seconds: number | null }>(`
    SELECT count(*) AS pending, extract(epoch FROM now() - min(occurred_at))::float8 AS seconds
    FROM outbox_events WHERE published_at IS NULL`);
  return { pending: Number(row?.pending ?? 0), oldestSeconds: Math.max(0, row?.seconds ?? 0) };
}
