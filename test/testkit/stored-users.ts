import { randomUUID } from 'node:crypto';
import { columnsOf } from '../../src/postgres/entity-columns';
import { User } from '../../src/users/user.entity';
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

const address =
  '{"street": "1 Main Street", "city": "Springfield", "state": "Illinois", "postalCode": "62701", "country": "US"}';

/** SQL for the values of columns that are not just any value of their type. */
const values: Readonly<Record<string, string>> = {
  id: 'id',
  email: `id || '@example.com'`,
  emailNormalized: `id || '@example.com'`,
  username: 'id::text',
  usernameNormalized: 'id::text',
  pendingEmail: `'new-' || id || '@example.com'`,
  firstName: `'First ' || id`,
  firstNameNormalized: `'first ' || id`,
  lastName: `'Last ' || id`,
  lastNameNormalized: `'last ' || id`,
  displayName: `'Known as ' || id`,
  phoneNumber: `'+14155550100'`,
  address: `'${address}'`,
  externalIds: `jsonb_build_array(jsonb_build_object('system', 'crm', 'id', id))`,
  locale: `'en-GB'`,
  timeZone: `'Europe/Berlin'`,
  emailVerification: `'VERIFIED'`,
  phoneVerification: `'VERIFIED'`,
  status: 'state',
  statusReason: `'INACTIVITY'`,
  statusNotes: `'Noted ' || id`,
  marketing: 'true',
  // The user is subscribed.
  unsubscribedAt: 'NULL',
  version: '7',
  revision: '7',
};
const valuesByType: Readonly<Record<string, (property: string) => string>> = {
  text: (property) => `'The ${property} of ' || id`,
  timestamptz: () => 't',
  boolean: () => 'true',
  integer: () => '7',
};

/** Every column of `users` except those that keep their default, with SQL for its value. */
const columns = columnsOf(User).flatMap(({ name, property, type, default: initial }) => {
  const value = values[property] ?? (initial === undefined ? valuesByType[type]?.(property) : 'DEFAULT');
  if (value === undefined) throw new Error(`stored users need a value for the column ${name}`);
  return value === 'DEFAULT' ? [] : [{ name, value }];
});

/**
 * Inserts users by SQL, each with a value in every column, one history entry and a sign-in: null in a response then means that the
 * field is hidden. Skips ids that are unknown or malformed.
 */
export async function storeUsers(
  app: Pick<TestApp, 'sql'>,
  users: readonly { id: string; state: UserState }[],
): Promise<void> {
  const stored = users.filter(({ state }) => isStored(state));
  const rows = [stored.map(({ id }) => id), stored.map(({ state }) => state)];
  await app.sql(
    `INSERT INTO users (${columns.map(({ name }) => name).join(', ')})
     SELECT ${columns.map(({ value }) => value).join(', ')}
     FROM unnest($1::uuid[], $2::text[]) AS it (id, state), (SELECT now() AS t) AS at`,
    rows,
  );
  await app.sql(
    `INSERT INTO external_ids (system, external_id, user_id) SELECT 'crm', id::text, id FROM unnest($1::uuid[]) AS it (id)`,
    rows.slice(0, 1),
  );
  await app.sql(
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     SELECT gen_random_uuid(), id, 'USER_CREATED', now(), now(), 'test', id, 'Created', '{}'
     FROM unnest($1::uuid[]) AS it (id)`,
    rows.slice(0, 1),
  );
  await app.sql(
    'INSERT INTO user_activity (user_id, last_seen_at) SELECT id, now() FROM unnest($1::uuid[]) AS it (id)',
    rows.slice(0, 1),
  );
}
