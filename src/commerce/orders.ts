import type { Transaction } from '../postgres/database';
import { prepared } from '../postgres/prepared';
import type { CommerceEvent, Money, OrderCancelled } from './commerce-event';
import type { OrderState } from './user-history.projection';

interface StoredOrder {
  readonly orderId: string;
  readonly userId: string;
}

/**
 * Stores the user of each order. An order that is stored already keeps its user. Returns the stored user of each of
 * these orders, and which orders are new.
 */
export async function recordOrders(
  tx: Transaction,
  orders: readonly StoredOrder[],
): Promise<{ ownerOf: Map<string, string>; newOrderIds: Set<string> }> {
  if (orders.length === 0) return { ownerOf: new Map(), newOrderIds: new Set() };
  const orderIds = orders.map(({ orderId }) => orderId);
  const added: StoredOrder[] = await tx.manager.query(
    prepared(`INSERT INTO user_orders (order_id, user_id)
     SELECT * FROM unnest($1::text[], $2::uuid[]) AS placed (order_id, user_id) ORDER BY order_id
     ON CONFLICT DO NOTHING RETURNING order_id AS "orderId", user_id AS "userId"`),
    [orderIds, orders.map(({ userId }) => userId)],
  );
  const newOrderIds = new Set(added.map(({ orderId }) => orderId));
  const others = orderIds.filter((orderId) => !newOrderIds.has(orderId));
  const stored = [...added, ...(others.length > 0 ? await findOrders(tx, others) : [])];
  return { ownerOf: new Map(stored.map(({ orderId, userId }) => [orderId, userId])), newOrderIds };
}

/** A statement of its own, which sees the orders of concurrent transactions. */
function findOrders(tx: Transaction, orderIds: readonly string[]): Promise<StoredOrder[]> {
  return tx.manager.query(
    prepared(
      `SELECT order_id AS "orderId", user_id AS "userId" FROM user_orders WHERE order_id = ANY($1::text[])`,
    ),
    [orderIds],
  );
}

/**
 * Returns the state of the stored orders among these. Several events may have placed one order, so it may have several
 * totals; those whose history entry has expired are missing. The caller holds the locks of the users' summaries, so
 * that no concurrent fold changes the state.
 */
export async function findOrderStates(
  tx: Transaction,
  orderIds: readonly string[],
): Promise<Map<string, OrderState>> {
  if (orderIds.length === 0) return new Map();
  const rows: { orderId: string; totals: Money[] | null; isCancelled: boolean }[] = await tx.manager.query(
    `SELECT order_id AS "orderId",
       EXISTS (SELECT FROM cancelled_orders WHERE order_id = user_orders.order_id) AS "isCancelled",
       (SELECT jsonb_agg(data -> 'total') FROM user_history WHERE type = 'ORDER_PLACED'
        AND data ->> 'orderId' = user_orders.order_id AND user_id = user_orders.user_id) AS totals
     FROM user_orders WHERE order_id = ANY($1::text[])`,
    [orderIds],
  );
  return new Map(
    rows.map(({ orderId, totals, isCancelled }) => [orderId, { totals: totals ?? [], isCancelled }]),
  );
}

/** Stores that these orders are cancelled. Fails for an order that is stored as cancelled already. */
export async function recordCancelledOrders(tx: Transaction, orders: readonly StoredOrder[]): Promise<void> {
  if (orders.length === 0) return;
  await tx.manager.query(
    `INSERT INTO cancelled_orders (order_id, user_id)
     SELECT * FROM unnest($1::text[], $2::uuid[]) AS cancelled (order_id, user_id) ORDER BY order_id`,
    [orders.map(({ orderId }) => orderId), orders.map(({ userId }) => userId)],
  );
}

/**
 * Returns the user id of each stored order whose user exists; orders of erased users are absent. The users cannot be
 * removed until the transaction ends.
 */
export async function lockUsersOfOrders(
  tx: Transaction,
  orderIds: readonly string[],
): Promise<Map<string, string>> {
  if (orderIds.length === 0) return new Map();
  const rows: StoredOrder[] = await tx.manager.query(
    prepared(`SELECT order_id AS "orderId", user_id AS "userId" FROM user_orders JOIN users ON users.id = user_id
     WHERE order_id = ANY($1::text[]) ORDER BY users.id FOR KEY SHARE OF users`),
    [orderIds],
  );
  return new Map(rows.map(({ orderId, userId }) => [orderId, userId]));
}

/**
 * Returns two lists: the events to fold, and the cancellations that repeat another one. Of an order that is not cancelled
 * yet, the first cancellation is to fold. If that turns out to be a duplicate delivery, the caller tries the repeated
 * ones.
 */
export function withoutRepeatedCancellations(
  events: readonly CommerceEvent[],
  isCancelled: (orderId: string) => boolean,
): [CommerceEvent[], OrderCancelled[]] {
  const seen = new Set<string>();
  const [toFold, repeated]: [CommerceEvent[], OrderCancelled[]] = [[], []];
  for (const event of events) {
    if (event.type !== 'OrderCancelled') toFold.push(event);
    else if (isCancelled(event.orderId) || seen.has(event.orderId)) repeated.push(event);
    else {
      seen.add(event.orderId);
      toFold.push(event);
    }
  }
  return [toFold, repeated];
}
