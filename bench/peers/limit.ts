import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Pool } from 'pg';

/**
 * The limit: node:http and pg without GraphQL. It reads the operation's name and variables only, runs prepared
 * statements, and batches what all requests of one tick ask for.
 */
const pool = new Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });

type Row = Record<string, unknown>;

/** Collects keys until the end of the tick and loads them with one query. */
function batched<T>(
  load: (keys: string[]) => Promise<Map<string, T>>,
): (key: string) => Promise<T | undefined> {
  let keys: string[] = [];
  let loading: Promise<Map<string, T>> | undefined;
  return async (key) => {
    keys.push(key);
    loading ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const batch = [...new Set(keys)];
        keys = [];
        loading = undefined;
        load(batch).then(resolve, reject);
      });
    });
    return (await loading).get(key);
  };
}

const loadUser = batched<Row>(async (ids) => {
  const { rows } = await pool.query({
    name: 'users',
    text: `SELECT id, display_name AS "displayName", status FROM users WHERE id = ANY ($1::uuid[])`,
    values: [ids],
  });
  return new Map(rows.map((row: Row) => [row['id'] as string, row]));
});

const historyOf = (limit: number) =>
  batched<Row[]>(async (ids) => {
    const { rows } = await pool.query({
      name: `history${limit}`,
      text: `SELECT u.id AS "userId", h.id, h.type, h.occurred_at AS "occurredAt"
        FROM unnest($1::uuid[]) AS u (id) CROSS JOIN LATERAL (
          SELECT id, type, occurred_at FROM user_history WHERE user_id = u.id
          ORDER BY occurred_at DESC, user_history.id DESC LIMIT ${limit}) AS h`,
      values: [ids],
    });
    const pages = new Map<string, Row[]>();
    for (const { userId, ...entry } of rows) {
      const page = pages.get(userId);
      if (page) page.push(entry);
      else pages.set(userId, [entry]);
    }
    return pages;
  });
const history5 = historyOf(5);
const history10 = historyOf(10);

async function entities(variables: { r: { id: string }[] }): Promise<object> {
  const _entities = await Promise.all(
    variables.r.map(async ({ id }) => (await loadUser(id)) ?? { id, displayName: null, status: 'UNKNOWN' }),
  );
  return { _entities };
}

async function history({ id }: { id: string }): Promise<object> {
  const [user, nodes = []] = await Promise.all([loadUser(id), history10(id)]);
  return { user: user ? { id, history: { nodes } } : null };
}

async function listHistory(): Promise<object> {
  const { rows } = await pool.query({
    name: 'newest',
    text: `SELECT id, display_name AS "displayName" FROM users WHERE status <> 'PENDING'
      ORDER BY created_at DESC, id DESC LIMIT 50`,
  });
  const nodes = await Promise.all(
    rows.map(async (row: Row) => ({
      ...row,
      history: { nodes: (await history5(row['id'] as string)) ?? [] },
    })),
  );
  return { users: { nodes } };
}

/** The rows of one creation as the service writes them, in one transaction. */
async function createUser({ input }: { input: Row }): Promise<object> {
  const id = randomUUID();
  const email = String(input['email']);
  const now = new Date();
  await inTransaction(async (query) => {
    await query(
      'create-user',
      `INSERT INTO users (id, email, email_normalized, username, username_normalized, first_name,
         first_name_normalized, last_name, last_name_normalized, status, status_changed_at, version, revision,
         created_at, updated_at)
       VALUES ($1, $2, $2, $2, $2, $3, $3, $4, $4, 'ACTIVE', $5, 1, 1, $5, $5)`,
      [id, email, input['firstName'], input['lastName'], now],
    );
    await query('create-key', 'INSERT INTO audit_keys (user_id, key) VALUES ($1, $2)', [
      id,
      Buffer.alloc(32),
    ]);
    await insertRecords(query, id, 1, 'USER_CREATED', 'UserCreated', { userId: id, email }, now);
  });
  return { createUser: { user: { id } } };
}

async function updateUser({ input }: { input: Row }): Promise<object> {
  const id = String(input['userId']);
  const now = new Date();
  await inTransaction(async (query) => {
    const { rows } = await query(
      'update-user',
      `UPDATE users SET display_name = $2, version = version + 1, revision = revision + 1, updated_at = $3
       WHERE id = $1 RETURNING version`,
      [id, input['displayName'], now],
    );
    await insertRecords(query, id, rows[0]?.['version'], 'USER_UPDATED', 'UserUpdated', { userId: id }, now);
  });
  return { updateUser: { user: { id } } };
}

type Query = (name: string, text: string, values: unknown[]) => Promise<{ rows: Row[] }>;

/** History, audit and outbox: one row each, and the entry's place in the queue of the seals. */
async function insertRecords(
  query: Query,
  userId: string,
  version: unknown,
  type: string,
  event: string,
  data: object,
  now: Date,
): Promise<void> {
  const [historyId, auditId, auditEventId] = [randomUUID(), randomUUID(), randomUUID()];
  await query(
    'add-history',
    `INSERT INTO user_history (id, user_id, type, occurred_at, recorded_at, source, event_id, summary, data)
     VALUES ($1, $2, $3, $4, $4, '/user-service', $1::uuid::text, 'changed', '{}')`,
    [historyId, userId, type, now],
  );
  await query(
    'add-audit',
    `INSERT INTO audit_entries (id, at, actor_id, user_id, action, fields, encrypted_values)
     VALUES ($1, $2, 'bench', $3, $4, '{email}', $5)`,
    [auditId, now, userId, type, Buffer.alloc(96)],
  );
  await query('add-unsealed', 'INSERT INTO audit_unsealed (entry_id) VALUES ($1)', [auditId]);
  // Published already: nothing here reads the outbox, and its rows are not to slow down others.
  await query(
    'add-outbox',
    `INSERT INTO outbox_events (id, user_id, version, type, data, occurred_at, lane, published_at)
     VALUES ($1, $2, $3, $4, $5, $6, 0, $6), ($7, $2, NULL, 'UserDataChanged', $5, $6, 100, $6)`,
    [historyId, userId, version, event, JSON.stringify(data), now, auditEventId],
  );
}

async function inTransaction(work: (query: Query) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await work((name, text, values) => client.query({ name, text, values }));
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

const operations: Record<string, (variables: never) => Promise<object>> = {
  Entities: entities,
  History: history,
  ListHistory: listHistory,
  CreateUser: createUser,
  UpdateUser: updateUser,
};

createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { operationName, variables } = JSON.parse(Buffer.concat(chunks).toString());
    const operation = operations[operationName];
    const result = operation ? operation(variables as never) : Promise.reject(new Error('no such operation'));
    result.then(
      (data) => send(200, { data }),
      (error: unknown) => send(500, { errors: [{ message: String(error) }] }),
    );
  });
  const send = (status: number, body: object) => {
    const text = Buffer.from(JSON.stringify(body));
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length });
    response.end(text);
  };
}).listen(Number(process.env['PORT']), '127.0.0.1');
