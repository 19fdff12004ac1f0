import type { AuditLog } from '../audit/audit-log';
import { commerceEntryTypes } from '../commerce/commerce-entry';
import { areHeld, haveExpiredUnheld, type TableExpiry } from '../personal-data/expiries';
import type { Transaction } from '../postgres/database';
import type { Caller } from '../users/user-changes';

export interface HistoryRemoval {
  readonly expiry: TableExpiry;
  readonly days: number;
  readonly limit: number;
  readonly caller: Caller;
  readonly audit: AuditLog;
}

/**
 * Removes expired history entries and audits their number for each user; returns the total. The summary keeps what
 * commerce entries added to it. Their event ids are stored, so that a repeated delivery is not folded again.
 */
export async function removeHistory(tx: Transaction, removal: HistoryRemoval): Promise<number> {
  const { expiry, days, limit, caller, audit } = removal;
  const chosen: { id: string; userId: string }[] = await tx.manager.query(
    `SELECT id, user_id AS "userId" FROM user_history WHERE ${haveExpiredUnheld(expiry, '$1')} LIMIT $2
     FOR UPDATE SKIP LOCKED`,
    [days, limit],
  );
  // In the order of the fold, which locks summaries first. A redelivered event then finds the entry or its stored id.
  await tx.manager.query(
    'SELECT FROM user_commerce WHERE user_id = ANY ($1::uuid[]) ORDER BY user_id FOR UPDATE',
    [chosen.map(({ userId }) => userId)],
  );
  const removed: { userId: string; count: number }[] = await tx.manager.query(
    `WITH gone AS (
       DELETE FROM user_history WHERE id = ANY ($1::uuid[]) AND NOT ${areHeld(expiry)}
       RETURNING user_id, source, event_id, type
     ), remembered AS (
       INSERT INTO erased_events SELECT source, event_id FROM gone WHERE type = ANY ($2::text[])
       ON CONFLICT DO NOTHING
     ), cut AS (
       UPDATE user_commerce SET history_is_cut = true
       WHERE NOT history_is_cut AND user_id IN (SELECT user_id FROM gone WHERE type = ANY ($2::text[]))
     )
     SELECT user_id AS "userId", count(*)::int AS count FROM gone GROUP BY user_id ORDER BY user_id`,
    [chosen.map(({ id }) => id), commerceEntryTypes],
  );
  const at = new Date();
  if (removed.length > 0)
    await audit.record(
      tx,
      ...removed.map(({ userId, count }) => ({
        origin: caller,
        userId,
        action: 'HISTORY_EXPIRED' as const,
        fields: ['history'],
        reason: 'RETENTION_HISTORY_DAYS',
        storedReason: `RETENTION_HISTORY_DAYS ${days}: ${count} entries`,
        at,
        values: null,
      })),
    );
  return removed.reduce((sum, { count }) => sum + count, 0);
}
