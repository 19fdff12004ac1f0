import type { Transaction } from '../postgres/database';
import { lockKeys } from '../postgres/locks';
import { storableKey } from '../postgres/storable-text';

/**
 * Locks ids that may have no row yet, until the transaction ends: one is not created and recorded as erased at the same
 * time. To be called before the transaction locks anything else.
 */
export async function lockIds(tx: Transaction, userIds: readonly string[]): Promise<void> {
  if (userIds.length === 0) return;
  await tx.manager.query(
    `SELECT pg_advisory_xact_lock($1, part) FROM (
       SELECT DISTINCT hashtext(id::text) AS part FROM unnest($2::uuid[]) AS id ORDER BY part) AS parts`,
    [lockKeys.userId, userIds],
  );
}

/** Returns the ids that belong to erased users. Sees erasures that committed before the call. */
export async function findErased(tx: Transaction, userIds: readonly string[]): Promise<Set<string>> {
  if (userIds.length === 0) return new Set();
  const rows: { id: string }[] = await tx.manager.query(
    'SELECT user_id AS id FROM erased_users WHERE user_id = ANY ($1::uuid[])',
    [userIds],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Returns the ids of orders that erased users placed. */
export async function findErasedOrders(tx: Transaction, orderIds: readonly string[]): Promise<Set<string>> {
  if (orderIds.length === 0) return new Set();
  const rows: { id: string }[] = await tx.manager.query(
    `SELECT order_id AS id FROM user_orders JOIN erased_users USING (user_id) WHERE order_id = ANY ($1::text[])`,
    [orderIds],
  );
  return new Set(rows.map(({ id }) => id));
}

/**
 * Stores the identities of events whose content was erased or is not to be stored, so that a later delivery has no
 * effect. A source or id that is not a valid key is replaced by a digest. Skips identities that are stored already.
 */
export async function recordErasedEvents(
  tx: Transaction,
  events: readonly { readonly source: string; readonly eventId: string }[],
): Promise<void> {
  if (events.length === 0) return;
  await tx.manager.query(
    `INSERT INTO erased_events (source, event_id) SELECT DISTINCT * FROM unnest($1::text[], $2::text[])
       AS erased (source, event_id) ORDER BY source, event_id ON CONFLICT DO NOTHING`,
    [events.map(({ source }) => storableKey(source)), events.map(({ eventId }) => storableKey(eventId))],
  );
}
