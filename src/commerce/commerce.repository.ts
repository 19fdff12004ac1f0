import type { Transaction } from '../postgres/database';
import { newId } from '../postgres/new-id';
import { prepared } from '../postgres/prepared';
import type { Reader } from '../postgres/read-replicas';
import { toEntry } from './commerce-entry';
import type { CommerceEvent } from './commerce-event';
import type { CommerceSummary } from './user-history.projection';

/** A commerce event with its user. */
export interface AttributedEvent {
  readonly event: CommerceEvent;
  readonly userId: string;
  readonly late: boolean;
}

/** A summary as PostgreSQL returns it. */
export interface SummaryRow extends Omit<CommerceSummary, 'loyaltyPoints' | 'spent' | 'spentOrders'> {
  userId: string;
  loyaltyPoints: string;
  spending: Record<string, [amount: string, orders: number]>;
}

export const summaryColumns = `user_id AS "userId", order_count AS "orderCount", last_order_at AS "lastOrderAt",
  cancelled_order_count AS "cancelledOrderCount", failed_payment_count AS "failedPaymentCount", last_payment_failed_at AS "lastPaymentFailedAt",
  loyalty_points AS "loyaltyPoints", last_entry_at AS "lastEntryAt",
  (SELECT coalesce(jsonb_object_agg(currency, jsonb_build_array(trim_scale(amount)::text, order_count)), '{}')
   FROM user_spending WHERE user_spending.user_id = user_commerce.user_id) AS spending`;

/**
 * Reads and writes the tables `user_commerce` and `user_spending`, and commerce entries of `user_history`. Every
 * statement locks its rows in the order of their keys, and every fold runs its statements in the same order:
 * concurrent folds wait for each other, but cannot deadlock.
 */
export class CommerceRepository {
  constructor(private readonly database: Reader) {}

  /** Returns the summaries of these users in one statement. Users without commerce are absent. */
  async findByUsers(userIds: readonly string[]): Promise<Map<string, CommerceSummary>> {
    const rows = await this.database.query<SummaryRow>(
      `SELECT ${summaryColumns} FROM user_commerce WHERE user_id = ANY($1::uuid[])`,
      [userIds],
    );
    return new Map(rows.map((row) => [row.userId, toSummary(row)]));
  }

  /** True for an event that is in a history, waits, or was that of an erased user. */
  async isKnown({ source, eventId }: { source: string; eventId: string }): Promise<boolean> {
    const [row] = await this.database.query<{ known: boolean }>(
      `SELECT EXISTS (SELECT FROM user_history WHERE source = $1 AND event_id = $2)
         OR EXISTS (SELECT FROM waiting_events WHERE source = $1 AND event_id = $2)
         OR EXISTS (SELECT FROM erased_events WHERE source = $1 AND event_id = $2) AS known`,
      [source, eventId],
    );
    return row?.known === true;
  }

  /** Returns the ids that belong to a user, without PENDING users. None can be removed until the transaction ends. */
  async lockUsers(tx: Transaction, userIds: readonly string[]): Promise<Set<string>> {
    if (userIds.length === 0) return new Set();
    const rows: { id: string }[] = await tx.manager.query(
      prepared(
        `SELECT id FROM users WHERE id = ANY($1::uuid[]) AND status <> 'PENDING' ORDER BY id FOR KEY SHARE`,
      ),
      [userIds],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Locks these users' summaries until the transaction ends. Returns the time of each user's latest entry. */
  async lockSummaries(tx: Transaction, userIds: readonly string[]): Promise<Map<string, Date | null>> {
    await tx.manager.query(
      prepared(
        `INSERT INTO user_commerce (user_id) SELECT unnest($1::uuid[]) AS id ORDER BY id ON CONFLICT DO NOTHING`,
      ),
      [userIds],
    );
    const rows: { userId: string; lastEntryAt: Date | null }[] = await tx.manager.query(
      prepared(`SELECT user_id AS "userId", last_entry_at AS "lastEntryAt" FROM user_commerce
       WHERE user_id = ANY($1::uuid[]) ORDER BY user_id FOR UPDATE`),
      [userIds],
    );
    return new Map(rows.map(({ userId, lastEntryAt }) => [userId, lastEntryAt]));
  }

  /** Inserts entries that are not stored yet and returns their identities. Their rows deduplicate deliveries. */
  async recordEntries(
    tx: Transaction,
    attributed: readonly AttributedEvent[],
  ): Promise<{ source: string; eventId: string }[]> {
    const entries = attributed.map(({ event, userId, late }) => ({ ...toEntry(event), event, userId, late }));
    return tx.manager.query(
      prepared(`INSERT INTO user_history
         (id, user_id, type, occurred_at, recorded_at, source, event_id, late, summary, data)
       SELECT id, user_id, type, occurred_at, now(), source, event_id, late, summary, data::jsonb
       FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::boolean[],
                   $8::text[], $9::text[])
         AS entry (id, user_id, type, occurred_at, source, event_id, late, summary, data)
       WHERE NOT EXISTS (SELECT FROM erased_events AS gone
         WHERE gone.source = entry.source AND gone.event_id = entry.event_id)
       ORDER BY source, event_id
       ON CONFLICT (source, event_id) DO NOTHING
       RETURNING source, event_id AS "eventId"`),
      [
        entries.map(() => newId()),
        entries.map((it) => it.userId),
        entries.map((it) => it.type),
        entries.map((it) => it.event.occurredAt.toISOString()),
        entries.map((it) => it.event.source),
        entries.map((it) => it.event.eventId),
        entries.map((it) => it.late),
        entries.map((it) => it.summary),
        entries.map((it) => JSON.stringify(it.data)),
      ],
    );
  }

  /** Adds the sums of new entries to each user's summary, which must be locked. */
  async addToSummaries(tx: Transaction, added: ReadonlyMap<string, CommerceSummary>): Promise<void> {
    const rows = [...added].map(([userId, it]) => ({ userId, ...it }));
    const spent = rows.flatMap(({ userId, spent: sums, spentOrders }) =>
      Object.entries(sums).map(([currency, amount]) => ({
        userId,
        currency,
        amount,
        orders: spentOrders[currency],
      })),
    );
    await tx.manager.query(
      prepared(`WITH spent AS (
         INSERT INTO user_spending (user_id, currency, amount, order_count)
         SELECT * FROM unnest($9::uuid[], $10::text[], $11::numeric[], $12::integer[])
           AS more (user_id, currency, amount, order_count)
         ORDER BY user_id, currency
         ON CONFLICT (user_id, currency) DO UPDATE SET amount = user_spending.amount + EXCLUDED.amount,
           order_count = user_spending.order_count + EXCLUDED.order_count
       )
       UPDATE user_commerce AS mine SET
         order_count = mine.order_count + more.order_count,
         last_order_at = greatest(mine.last_order_at, more.last_order_at),
         failed_payment_count = mine.failed_payment_count + more.failed_payment_count,
         last_payment_failed_at = greatest(mine.last_payment_failed_at, more.last_payment_failed_at),
         loyalty_points = mine.loyalty_points + more.loyalty_points,
         last_entry_at = greatest(mine.last_entry_at, more.last_entry_at),
         cancelled_order_count = mine.cancelled_order_count + more.cancelled_order_count
       FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::integer[], $5::timestamptz[], $6::numeric[],
                   $7::timestamptz[], $8::integer[])
         AS more (user_id, order_count, last_order_at, failed_payment_count, last_payment_failed_at, loyalty_points,
                  last_entry_at, cancelled_order_count)
       WHERE mine.user_id = more.user_id`),
      [
        rows.map((it) => it.userId),
        rows.map((it) => it.orderCount),
        rows.map((it) => it.lastOrderAt?.toISOString() ?? null),
        rows.map((it) => it.failedPaymentCount),
        rows.map((it) => it.lastPaymentFailedAt?.toISOString() ?? null),
        rows.map((it) => String(it.loyaltyPoints)),
        rows.map((it) => it.lastEntryAt?.toISOString() ?? null),
        rows.map((it) => it.cancelledOrderCount),
        spent.map((it) => it.userId),
        spent.map((it) => it.currency),
        spent.map((it) => it.amount),
        spent.map((it) => it.orders),
      ],
    );
    const cancelling = rows.filter(({ cancelledOrderCount }) => cancelledOrderCount > 0);
    if (cancelling.length === 0) return;
    await tx.manager.query(
      'DELETE FROM user_spending WHERE user_id = ANY($1::uuid[]) AND order_count <= 0 AND amount = 0',
      [cancelling.map(({ userId }) => userId)],
    );
  }
}

export function toSummary({ userId: _userId, loyaltyPoints, spending, ...row }: SummaryRow): CommerceSummary {
  const spent: Record<string, string> = {};
  const spentOrders: Record<string, number> = {};
  for (const [currency, [amount, orders]] of Object.entries(spending)) {
    spent[currency] = amount;
    spentOrders[currency] = orders;
  }
  return { ...row, spent, spentOrders, loyaltyPoints: BigInt(loyaltyPoints) };
}
