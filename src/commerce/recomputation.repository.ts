import type { HistoryEntry } from '../history/history-entry.entity';
import type { Database, Transaction } from '../postgres/database';
import { type SummaryRow, summaryColumns, toSummary } from './commerce.repository';
import { commerceEntryTypes } from './commerce-entry';
import type { CommerceSummary } from './user-history.projection';

/** The columns of a commerce entry that its part of the summary is computed from. */
export type CommerceEntryRow = Pick<HistoryEntry, 'type' | 'occurredAt' | 'data'>;

/** The queries of `recompute` on the tables that the fold writes. */
export class RecomputationRepository {
  constructor(private readonly database: Database) {}

  /** Returns at most `limit` users after `afterId`, without those whose history retention has cut. */
  async listUsers(afterId: string, limit: number): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM users WHERE id > $1::uuid
         AND NOT EXISTS (SELECT FROM user_commerce WHERE user_id = users.id AND history_is_cut)
       ORDER BY id LIMIT $2`,
      [afterId, limit],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Returns the summary, locked against folds until the transaction ends. Null for an unknown user and for a history
   * that retention has cut. Locks the user's row before the summary's, in the order of a fold.
   */
  async lockSummary(tx: Transaction, userId: string): Promise<CommerceSummary | null> {
    const users: unknown[] = await tx.manager.query(
      `SELECT 1 FROM users WHERE id = $1 AND status <> 'PENDING' FOR NO KEY UPDATE`,
      [userId],
    );
    if (users.length === 0) return null;
    await tx.manager.query('INSERT INTO user_commerce (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [
      userId,
    ]);
    await tx.manager.query('SELECT 1 FROM user_commerce WHERE user_id = $1 FOR UPDATE', [userId]);
    const [row]: SummaryRow[] = await tx.manager.query(
      `SELECT ${summaryColumns} FROM user_commerce WHERE user_id = $1 AND NOT history_is_cut`,
      [userId],
    );
    return row ? toSummary(row) : null;
  }

  /** Returns the commerce entries of these users, read in `tx` if given. */
  async findEntries(userIds: readonly string[], tx?: Transaction): Promise<Map<string, CommerceEntryRow[]>> {
    const sql = `SELECT user_id AS "userId", type, occurred_at AS "occurredAt", data FROM user_history
      WHERE user_id = ANY($1::uuid[]) AND type = ANY($2::text[])`;
    const parameters = [userIds, commerceEntryTypes];
    const rows: (CommerceEntryRow & { userId: string })[] = tx
      ? await tx.manager.query(sql, parameters)
      : await this.database.query(sql, parameters);
    const entries = new Map<string, CommerceEntryRow[]>();
    for (const { userId, ...row } of rows) {
      const present = entries.get(userId);
      if (present) present.push(row);
      else entries.set(userId, [row]);
    }
    return entries;
  }

  async replaceSummary(tx: Transaction, userId: string, summary: CommerceSummary): Promise<void> {
    await tx.manager.query(
      `UPDATE user_commerce SET order_count = $2, last_order_at = $3, failed_payment_count = $4,
         last_payment_failed_at = $5, loyalty_points = $6, last_entry_at = $7, cancelled_order_count = $8
       WHERE user_id = $1`,
      [
        userId,
        summary.orderCount,
        summary.lastOrderAt,
        summary.failedPaymentCount,
        summary.lastPaymentFailedAt,
        String(summary.loyaltyPoints),
        summary.lastEntryAt,
        summary.cancelledOrderCount,
      ],
    );
    await tx.manager.query('DELETE FROM user_spending WHERE user_id = $1', [userId]);
    await tx.manager.query(
      `INSERT INTO user_spending (user_id, currency, amount, order_count)
       SELECT $1, * FROM unnest($2::text[], $3::numeric[], $4::integer[])`,
      [
        userId,
        Object.keys(summary.spent),
        Object.values(summary.spent),
        Object.keys(summary.spent).map((currency) => summary.spentOrders[currency]),
      ],
    );
  }
}
