import { randomUUID } from 'node:crypto';
import type { TestApp } from './app';

/** The states of a user id, as a caller sees them: stored, unknown, or not a valid id. */
export const userStates = ['ACTIVE', 'DEACTIVATED', 'PENDING', 'unknown', 'malformed'] as const;
export type UserState = (typeof userStates)[number];

export const isStored = (state: UserState) => state !== 'unknown' && state !== 'malformed';

/** A new id for a user in this state. Stores nothing. */
export function newId(state: UserState): string {
  return state === 'malformed' ? `malformed-${randomUUID()}` : randomUUID();
}

export const emailOf = (id: string) => `${id}@example.com`;

/** Gives a user a username that new and changed usernames may no longer be, such as another user's address. */
export async function storeUsername(app: Pick<TestApp, 'sql'>, id: string, username: string): Promise<void> {
  await app.sql(
    'UPDATE users SET username = $2, username_normalized = lower($2), revision = revision + 1 WHERE id = $1',
    [id, username],
  );
}

/**
 * Inserts users by SQL, each with a value in every column and one history entry: null in a response then means that the
 * field is hidden. Skips ids that are unknown or malformed.
 */
export async function storeUsers(
  app: Pick<TestApp, 'sql'>,
  users: readonly { id: string; state: UserState }[],
): Promise<void> {
  const stored = users.filter(({ state }) => isStored(state));
  const rows = [stored.map(({ id }) => id), stored.map(({ state }) => state)];
  await app.sql(
    `INSERT INTO users (id, email, email_normalized, username, username_normalized, pending_email, first_name,
       first_name_normalized, last_name, last_name_normalized, display_name, phone_number, address, locale, time_zone,
       email_verification, email_verified_at, phone_verification, phone_verified_at, status, status_reason, status_notes,
       status_changed_at, marketing, preferences_updated_at, version, revision, created_at, updated_at)
     SELECT id, id || '@example.com', id || '@example.com', id, id, 'new-' || id || '@example.com', 'First ' || id,
       'first ' || id, 'Last ' || id, 'last ' || id, 'Known as ' || id, '+14155550100', '{"street": "1 Main Street",
       "city": "Springfield", "state": "Illinois", "postalCode": "62701", "country": "US"}', 'en-GB', 'Europe/Berlin',
       'VERIFIED', t, 'VERIFIED', t, state, 'INACTIVITY', 'Noted ' || id, t, true, t, 7, 7, t, t
     FROM unnest($1::uuid[], $2::text[]) AS it (id, state), (SELECT now() AS t) AS at`,
    rows,
  );
  await app.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), id, 'USER_CREATED', now(), now(), 'test', id, 'Created', '{}'
     FROM unnest($1::uuid[]) AS it (id)`,
    rows.slice(0, 1),
  );
}
