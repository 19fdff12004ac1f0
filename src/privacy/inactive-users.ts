import { ownActorIds } from '../authentication/actor';
import type { Database, Transaction } from '../postgres/database';
import { follows, type KeysetPosition, keysetStart, keysetTime } from '../postgres/keyset';

/** The days that decide about inactive users. */
export interface InactivityRule {
  /** Days without activity after which a user is inactive. */
  readonly days: number;
  /** Days between the warning of an inactive user and the deactivation. */
  readonly warningDays: number;
  /** True if warnings are not published, so that the days count from their commit. */
  readonly countsFromCommit: boolean;
}

/** The most users in one page of a listing. */
const pageSize = 1_000;

/** SQL condition for audit entries that are activity of their user: own changes, and reactivations by anyone. */
const isActivity = `user_id = users.id AND action <> 'USER_CREATED' AND (action = 'USER_REACTIVATED'
  OR actor_id IS NULL OR actor_id IN (user_id::text, '${ownActorIds.unsubscribeLink}'))`;

/** SQL for the time of the last activity of a row of `users`. */
const lastActiveAt = `greatest(users.created_at,
  (SELECT last_seen_at FROM user_activity WHERE user_id = users.id),
  (SELECT last_order_at FROM user_commerce WHERE user_id = users.id),
  (SELECT max(at) FROM audit_entries WHERE ${isActivity}))`;

/**
 * SQL condition for rows of `users` without activity for $1 days. Finds an activity by index, whatever their number:
 * OFFSET 0 keeps PostgreSQL from reading the recent activity of all users for a page of them.
 */
const areInactive = `users.status = 'ACTIVE' AND users.created_at < now() - make_interval(days => $1)
  AND NOT EXISTS (SELECT FROM user_activity
    WHERE user_id = users.id AND last_seen_at >= now() - make_interval(days => $1) OFFSET 0)
  AND NOT EXISTS (SELECT FROM user_commerce
    WHERE user_id = users.id AND last_order_at >= now() - make_interval(days => $1) OFFSET 0)
  AND NOT EXISTS (SELECT FROM audit_entries
    WHERE ${isActivity} AND at >= now() - make_interval(days => $1) OFFSET 0)`;

const areHeld = 'EXISTS (SELECT FROM legal_holds WHERE user_id = users.id OFFSET 0)';

/** SQL condition for rows of `users` that were not warned since their last activity. */
const areUnwarned = `NOT EXISTS (SELECT FROM inactivity_warnings AS warned
  WHERE warned.user_id = users.id AND warned.last_active_at >= ${lastActiveAt})`;

/** SQL condition for rows of `warned` whose days of warning ($2) have passed. */
function areDue({ countsFromCommit }: InactivityRule): string {
  const since = countsFromCommit
    ? 'warned.warned_at'
    : 'coalesce(warned.published_at, (SELECT published_at FROM outbox_events WHERE id = warned.event_id))';
  return `${since} <= now() - make_interval(days => $2)`;
}

/** Yields the id of each user to warn, by the time of creation. Reads pages by key, so none takes long. */
export async function* usersToWarn(database: Database, { days }: InactivityRule): AsyncGenerator<string> {
  let last = keysetStart;
  for (let count = pageSize; count === pageSize; ) {
    const parameters: unknown[] = [days, pageSize];
    const bind = (value: unknown) => `$${parameters.push(value)}`;
    const page = await database.query<KeysetPosition & { isToWarn: boolean }>(
      `SELECT id, ${keysetTime('created_at')} AS at,
         ${areInactive} AND NOT ${areHeld} AND ${areUnwarned} AS "isToWarn"
       FROM (SELECT id, status, created_at FROM users
         WHERE created_at < now() - make_interval(days => $1)
           AND ${follows('created_at', last, 'oldest first', bind)}
         ORDER BY created_at, id LIMIT $2) AS users
       ORDER BY created_at, id`,
      parameters,
    );
    for (const { id, isToWarn } of page) if (isToWarn) yield id;
    count = page.length;
    last = page.at(-1) ?? last;
  }
}

/**
 * Yields the id of each warned user whose days have passed, oldest warning first. Warnings are published after they are
 * stored, so those stored since are not read.
 */
export async function* usersToDeactivate(database: Database, rule: InactivityRule): AsyncGenerator<string> {
  let last = keysetStart;
  for (let count = pageSize; count === pageSize; ) {
    const page = await database.query<KeysetPosition>(
      `SELECT user_id AS id, ${keysetTime('warned_at')} AS at FROM inactivity_warnings AS warned
       WHERE $1::integer IS NOT NULL AND ${areDue(rule)}
         AND warned_at <= now() - make_interval(days => $2)
         AND (warned_at, user_id) > ($3::timestamptz, $4::uuid)
         AND NOT EXISTS (SELECT FROM legal_holds WHERE legal_holds.user_id = warned.user_id)
       ORDER BY warned_at, user_id LIMIT ${pageSize}`,
      [rule.days, rule.warningDays, last.at, last.id],
    );
    for (const { id } of page) yield id;
    count = page.length;
    last = page.at(-1) ?? last;
  }
}

/** Returns whether a warned user, whose row is locked, is due and has been inactive since before the warning. */
export async function isToDeactivate(
  database: Pick<Transaction['manager'], 'query'>,
  rule: InactivityRule,
  userId: string,
): Promise<boolean> {
  const rows: unknown[] = await database.query(
    `SELECT FROM users JOIN inactivity_warnings AS warned ON warned.user_id = users.id
     WHERE users.id = $3 AND ${areDue(rule)} AND ${areInactive} AND ${lastActiveAt} <= warned.last_active_at`,
    [rule.days, rule.warningDays, userId],
  );
  return rows.length > 0;
}

/** Stores the warning of an inactive user, whose row is locked. Returns null if the user is active or was warned. */
export async function storeWarning(
  tx: Transaction,
  { days }: InactivityRule,
  { userId, eventId }: { userId: string; eventId: string },
): Promise<{ lastActiveAt: Date; warnedAt: Date } | null> {
  const [row]: { lastActiveAt: Date; warnedAt: Date }[] = await tx.manager.query(
    `INSERT INTO inactivity_warnings AS warned (user_id, last_active_at, event_id, warned_at)
     SELECT users.id, ${lastActiveAt}, $3, now() FROM users
     WHERE users.id = $2 AND ${areInactive} AND NOT ${areHeld}
     ON CONFLICT ON CONSTRAINT inactivity_warnings_pkey DO UPDATE SET last_active_at = EXCLUDED.last_active_at,
       event_id = EXCLUDED.event_id, warned_at = EXCLUDED.warned_at, published_at = NULL
     WHERE warned.last_active_at < EXCLUDED.last_active_at
     RETURNING last_active_at AS "lastActiveAt", warned_at AS "warnedAt"`,
    [days, userId, eventId],
  );
  return row ?? null;
}

/** Deletes the warning of a user: the spell of inactivity has ended, or led to the deactivation. */
export async function removeWarning(tx: Transaction, userId: string): Promise<void> {
  await tx.manager.query('DELETE FROM inactivity_warnings WHERE user_id = $1', [userId]);
}

/** Copies the times at which warnings were published, before their events expire. An expired event counts as published now. */
export async function copyTimesOfPublication(tx: Transaction): Promise<void> {
  await tx.manager.query(
    `UPDATE inactivity_warnings SET published_at = coalesce(event.published_at, now())
     FROM inactivity_warnings AS warned LEFT JOIN outbox_events AS event ON event.id = warned.event_id
     WHERE warned.user_id = inactivity_warnings.user_id AND inactivity_warnings.published_at IS NULL
       AND (event.id IS NULL OR event.published_at IS NOT NULL)`,
  );
}
