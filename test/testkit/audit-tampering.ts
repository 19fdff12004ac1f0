import type { Client } from 'pg';

/** Returns a generator of numbers from 0 to 1, reproducible by its seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** For each column, SQL expressions that give another value. */
const edits: Record<string, Record<string, readonly string[]>> = {
  audit_entries: {
    id: ['gen_random_uuid()'],
    position: ['position + 1000003', '-position'],
    at: [`at + interval '1 microsecond'`, `'infinity'`, `at - interval '4000 years'`],
    actor_id: [`coalesce(actor_id, '') || 'x'`],
    user_id: ['gen_random_uuid()'],
    action: [`action || 'X'`],
    fields: [`array_append(fields, 'email')`, `ARRAY[array_to_string(fields, ',') || ',']`],
    user_ids: [
      'array_append(user_ids, gen_random_uuid())',
      'user_ids[2:] || user_ids[:1]',
      `CASE WHEN user_ids IS NULL THEN '{}'::uuid[] END`,
    ],
    field_groups: [
      `field_groups || '[{"fields": ["email"], "lastPosition": 9}]'`,
      `CASE WHEN field_groups IS NULL THEN 'null'::jsonb END`,
    ],
    reason: [`coalesce(reason, '') || ' '`],
    encrypted_values: [
      `coalesce(encrypted_values, ''::bytea) || '\\x00'::bytea`,
      `CASE WHEN encrypted_values IS NULL THEN ''::bytea END`,
    ],
  },
  audit_seals: {
    number: ['number + 1000003', '-number'],
    entry_ids: ['array_append(entry_ids, gen_random_uuid())', 'entry_ids[2:]', 'entry_ids || entry_ids[1:1]'],
    entry_digests: [`set_byte(entry_digests, 5, 255 - get_byte(entry_digests, 5))`],
    previous_hash: [`set_byte(previous_hash, 31, 255 - get_byte(previous_hash, 31))`],
    hash: [`set_byte(hash, 0, 255 - get_byte(hash, 0))`],
    sealed_at: [`sealed_at + interval '1 microsecond'`],
    digest_version: ['3 - digest_version', 'digest_version + 1'],
  },
  audit_keys: {
    user_id: ['gen_random_uuid()'],
    key: [`set_byte(key, 7, 255 - get_byte(key, 7))`],
  },
  audit_unsealed: { entry_id: ['gen_random_uuid()', '(SELECT entry_ids[1] FROM audit_seals LIMIT 1)'] },
};

const insertions: readonly string[] = [
  `INSERT INTO audit_entries (id, at, actor_id, user_id, action, fields, user_ids, field_groups, reason)
   SELECT gen_random_uuid(), at, actor_id, user_id, action, fields, user_ids, field_groups, reason FROM audit_entries
   ORDER BY random() LIMIT 1`,
  `INSERT INTO audit_seals SELECT number + 100, entry_ids, entry_digests, previous_hash, hash, sealed_at, digest_version
   FROM audit_seals ORDER BY number LIMIT 1`,
  `INSERT INTO audit_seals SELECT max(number) + 1, '{}', '', '\\x00', '\\x00', now(), 2 FROM audit_seals`,
  `INSERT INTO audit_keys VALUES (gen_random_uuid(), decode(repeat('ab', 32), 'hex'))`,
  `INSERT INTO audit_keys SELECT user_id, decode(repeat('ab', 32), 'hex') FROM audit_entries
   WHERE action = 'USER_ERASED' LIMIT 1`,
  'INSERT INTO audit_unsealed VALUES (gen_random_uuid())',
  'INSERT INTO audit_unsealed SELECT entry_ids[1] FROM audit_seals ORDER BY random() LIMIT 1',
];

const primaryKeys: Record<string, string> = {
  audit_entries: 'id',
  audit_seals: 'number',
  audit_keys: 'user_id',
  audit_unsealed: 'entry_id',
};

/**
 * Updates, deletes, swaps or inserts at random in the client's transaction, with triggers disabled. Returns the
 * statement. Entries that are not sealed yet are only deleted, as the chain does not cover their content.
 */
export async function tamper(client: Client, random: () => number): Promise<string> {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  await client.query('SET LOCAL session_replication_role = replica');
  for (;;) {
    const kind = pick(['edit', 'edit', 'delete', 'swap', 'insert']);
    const statement = kind === 'insert' ? pick(insertions) : await changeOf(client, kind, pick);
    if (statement === null) continue;
    const { rowCount } = await client.query(statement);
    if (rowCount) return statement;
  }
}

type Pick = <T>(list: readonly T[]) => T;

async function changeOf(client: Client, kind: string, pick: Pick): Promise<string | null> {
  const table = pick(Object.keys(edits));
  const key = primaryKeys[table] as string;
  const sealedOnly = table === 'audit_entries' && kind !== 'delete';
  const { rows } = await client.query<{ key: string }>(
    `SELECT ${key}::text AS key FROM ${table}
     ${sealedOnly ? 'WHERE id NOT IN (SELECT entry_id FROM audit_unsealed)' : ''} ORDER BY ${key}`,
  );
  const [one, other] = [pick(rows).key, pick(rows).key];
  if (kind === 'delete') return `DELETE FROM ${table} WHERE ${key} = '${one}'`;
  const column = pick(Object.keys(edits[table] ?? {}));
  if (kind === 'edit') {
    const value = pick(edits[table]?.[column] ?? []);
    return `UPDATE ${table} SET ${column} = ${value} WHERE ${key} = '${one}' AND ${column} IS DISTINCT FROM ${value}`;
  }
  // Unique columns cannot be swapped by one statement.
  if (one === other || column === key || column === 'position') return null;
  return `UPDATE ${table} AS one SET ${column} = other.${column} FROM ${table} AS other
    WHERE one.${key} IN ('${one}', '${other}') AND other.${key} IN ('${one}', '${other}')
      AND one.${column} IS DISTINCT FROM other.${column}`;
}
