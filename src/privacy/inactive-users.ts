import { ownActorIds } from '../authentication/actor';
import type { Database, Transaction } from '../postgres/database';
import { follows, type KeysetPosition, keysetStart, keysetTime } from '../postgres/keyset';

/** When a user is inactive, and when an inactive user is deactivated. */
export interface InactivityRule {
  /** Days without activity after which a user is inactive. */
  readonly days: number;
  /** Days from the publication of the warning to the deactivation. */
  readonly warningDays: number;
  /** True if `warningDays` count from the commit of the warning: `EVENT_PROFILE=catalog` does not publish warnings. */
  readonly countsFromCommit: boolean;
}

/** The maximum number of users that one statement lists. */
const pageSize = 1_000;

/**
 * SQL condition for audit entries that are activity of their user: changes by the user or by a link that was sent to the
 * user, and, by any actor, confirmations, which require a token or code that was sent to the user, and reactivations.
 */
const isActivity = `user_id = users.id AND action <> 'USER_CREATED'
  AND (action IN ('USER_REACTIVATED', 'EMAIL_VERIFIED', 'PHONE_VERIFIED')
    OR actor_id IN (user_id::text, '${ownActorIds.unsubscribeLink}'))`;

/** SQL for the time of the last activity of a row of `users`. */
const lastActiveAt = `greatest(users.created_at,
  (SELECT last_seen_at FROM user_activity WHERE user_id = users.id),
  (SELECT last_order_at FROM user_commerce WHERE user_id = users.id),
  (SELECT max(at) FROM audit_entries WHERE ${isActivity}))`;

/**
 * SQL condition for rows of `users` that are `ACTIVE` and had no activity for $1 days. OFFSET 0 makes PostgreSQL find
 * the activity of each user by index. Without it, PostgreSQL may read the recent activity of all users for one page.
 */
const areInactive = `users.status = 'ACTIVE' AND users.created_at < now() - make_interval(days => $1)
  AND NOT EXISTS (SELECT FROM user_activity
    WHERE user_id = users.id AND last_seen_at >= now() - make_interval(days => $1) OFFSET 0)
  AND NOT EXISTS (SELECT FROM user_commerce
    WHERE user_id = users.id AND last_order_at >= now() - make_interval(days => $1) OFFSET 0)
  AND NOT EXISTS (SELECT FROM audit_entries
    WHERE ${isActivity} AND at >= now() - make_interval(days => $1) OFFSET 0)`;

/** SQL condition for rows of `users` under a legal hold. OFFSET 0 as in `areInactive`. */
const areHeld = 'EXISTS (SELECT FROM legal_holds WHERE user_id = users.id OFFSET 0)';

/** SQL condition for rows of `users` that were not warned since their last activity. */
const areUnwarned = `NOT EXISTS (SELECT FROM inactivity_warnings AS warned
  WHERE warned.user_id = users.id AND warned.last_active_at >= ${lastActiveAt})`;

/** Returns the SQL condition for rows of `warned` whose `warningDays` ($2) have passed. */
function areDue({ countsFromCommit }: InactivityRule): string {
  const since = countsFromCommit
    ? 'warned.warned_at'
    : 'coalesce(warned.published_at, (SELECT published_at FROM outbox_events WHERE id = warned.event_id))';
  return `${since} <= now() - make_interval(days => $2)`;
}

/** Yields the id of each user to warn, oldest account first. Each statement reads one page of all users, by key. */
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
 * Yields the id of each user whose `warningDays` have passed since the warning, oldest warning first. The condition on
 * `warned_at` uses an index. It excludes no due warning, because a warning is stored before it is published. The
 * condition on $1 only gives this parameter a type, which PostgreSQL requires.
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

/**
 * True if the user's warning is due, and the user had no activity since it and is under no legal hold. The user's row
 * must be locked.
 */
export async function isToDeactivate(
  database: Pick<Transaction['manager'], 'query'>,
  rule: InactivityRule,
  userId: string,
): Promise<boolean> {
  const rows: unknown[] = await database.query(
    `SELECT FROM users JOIN inactivity_warnings AS warned ON warned.user_id = users.id
     WHERE users.id = $3 AND NOT ${areHeld} AND ${areDue(rule)} AND ${areInactive}
       AND ${lastActiveAt} <= warned.last_active_at`,
    [rule.days, rule.warningDays, userId],
  );
  return rows.length > 0;
}

/**
 * Stores the warning of a user, whose row must be locked. Returns null and stores nothing if the user is not inactive,
 * is under a legal hold, or was already warned since the last activity.
 */
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

/** Deletes the warning of a user who was active again or is deactivated. It stays during a legal hold. */
export async function removeWarning(tx: Transaction, userId: string): Promise<void> {
  await tx.manager.query(
    `DELETE FROM inactivity_warnings AS warned USING users
     WHERE users.id = warned.user_id AND users.id = $1 AND NOT ${areHeld}`,
    [userId],
  );
}

/**
 * Stores the time of publication of each warning, before its event expires. A warning whose event has expired counts as
 * published now.
 */
export async function copyTimesOfPublication(tx: Transaction): Promise<void> {
  await tx.manager.query(
    `UPDATE inactivity_warnings SET published_at = coalesce(event.published_at, now())
     FROM inactivity_warnings AS warned LEFT JOIN outbox_events AS event ON event.id = warned.event_id
     WHERE warned.user_id = inactivity_warnings.user_id AND inactivity_warnings.published_at IS NULL
       AND (event.id IS NULL OR event.published_at IS NOT NULL)`,
  );
}
