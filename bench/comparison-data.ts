import { Client } from 'pg';

/** How much data all candidates read. */
export interface DataSize {
  readonly users: number;
  readonly entriesPerUser: number;
}

const usersPerInsert = 50_000;

/**
 * Fills an empty, migrated database with users `bench_uuid(1…n)` and their history, then vacuums and analyses it.
 * Ids and times depend on the number alone, so two runs read the same data.
 */
export async function fillDatabase(databaseUrl: string, { users, entriesPerUser }: DataSize): Promise<void> {
  const client = await connect(databaseUrl);
  await client.query(`
    CREATE FUNCTION bench_uuid(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    AS $$ SELECT (substr(md5(n::text), 1, 12) || '4' || substr(md5(n::text), 14, 3) || 'a' || substr(md5(n::text), 18))::uuid $$`);
  for (let from = 1; from <= users; from += usersPerInsert) {
    const to = Math.min(users, from + usersPerInsert - 1);
    await client.query(insertUsers, [from, to]);
    await client.query(insertHistory, [from, to, entriesPerUser]);
  }
  // Separate statements: VACUUM runs in no transaction.
  for (const table of ['users', 'user_history']) await client.query(`VACUUM (ANALYZE) ${table}`);
  await client.end();
}

const insertUsers = `
  INSERT INTO users (id, email, email_normalized, username, username_normalized, first_name, first_name_normalized,
    last_name, last_name_normalized, display_name, status, status_changed_at, version, revision, created_at, updated_at)
  SELECT bench_uuid(n), 'user' || n || '@example.com', 'user' || n || '@example.com', 'user' || n || '@example.com',
    'user' || n || '@example.com', 'First' || n % 1000, 'first' || n % 1000, 'Last' || n % 5000, 'last' || n % 5000,
    'User ' || n, 'ACTIVE', at, 1, 1, at, at
  FROM (SELECT n, timestamptz '2024-01-01' + n * interval '10 seconds' AS at
        FROM generate_series($1::bigint, $2::bigint) AS n) AS numbered`;

const insertHistory = `
  INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
  SELECT bench_uuid(1000000000 + n * 1000 + e), bench_uuid(n), 'ORDER_PLACED', at, at, 'bench', n || '-' || e,
    'An order was placed: 59.9 EUR.', '{"orderId": "1"}'
  FROM generate_series($1::bigint, $2::bigint) AS n, generate_series(1, $3::int) AS e,
    LATERAL (SELECT timestamptz '2025-01-01' + (n % 1000000) * interval '3 seconds' + e * interval '1 hour' AS at) AS times`;

async function connect(databaseUrl: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  return client;
}

/** The ids of `count` users, spread over all. */
export async function pickUsers(databaseUrl: string, size: DataSize, count: number): Promise<string[]> {
  const step = Math.max(1, Math.floor(size.users / count));
  const client = await connect(databaseUrl);
  const { rows } = await client.query<{ id: string }>(
    'SELECT bench_uuid(1 + n * $2::bigint) AS id FROM generate_series(0, $1::bigint - 1) AS n',
    [Math.min(count, size.users), step],
  );
  await client.end();
  return rows.map(({ id }) => id);
}
