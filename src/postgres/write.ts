import type { Database, Transaction } from './database';
import { columnsOf, tableOf } from './entity-columns';
import { prepared } from './prepared';

/** Rows and the statement that writes them, in which `$1` is a JSON array of the rows. */
export interface Write {
  readonly sql: string;
  readonly rows: readonly object[];
}

/** A change of a row: `values`, by property, replace those of the row with this id and revision. */
export interface RowUpdate<Row> {
  readonly id: string;
  readonly revision: number;
  readonly values: Partial<Row>;
}

const insertStatements = new Map<object, string>();
const updateStatements = new Map<object, string>();

/**
 * Returns an INSERT of whole rows; its SQL is the same for any number of rows. It omits generated columns. Missing
 * properties become NULL.
 */
export function insertRows<Row extends object>(
  entity: new () => Row,
  rows: readonly Partial<NoInfer<Row>>[],
): Write {
  const sql = insertStatements.get(entity) ?? insertStatement(entity);
  insertStatements.set(entity, sql);
  return { sql, rows: rows.map(withBase64Bytes) };
}

/**
 * Returns an UPDATE of rows that still have their revision; its SQL is the same for any values. It does not wait: it
 * skips a row that another transaction has locked.
 */
export function updateRows<Row extends object>(
  entity: new () => Row,
  updates: readonly RowUpdate<NoInfer<Row>>[],
): Write {
  const sql = updateStatements.get(entity) ?? updateStatement(entity);
  updateStatements.set(entity, sql);
  const names = new Map(columnsOf(entity).map(({ property, name }) => [property, name]));
  const byColumn = (values: object) =>
    Object.fromEntries(Object.entries(values).map(([property, value]) => [names.get(property), value]));
  return {
    sql,
    rows: updates.map(({ id, revision, values }) => ({ rowId: id, revision, changed: byColumn(values) })),
  };
}

/**
 * Runs all writes as one prepared statement and returns how many rows the first one wrote. If the first writes no
 * row, the others write none either. No write sees the rows of another.
 *
 * @param target an open transaction; or the database, in which the statement is its own transaction
 */
export async function writeTogether(
  target: Transaction | Database,
  first: Write,
  ...others: readonly Write[]
): Promise<number> {
  const dependent = others.map(({ sql, rows }, at) => {
    const source = `(SELECT $${at + 2}::jsonb WHERE EXISTS (SELECT FROM first))`;
    return { sql: sql.replace('$1', () => source), rows };
  });
  const written = await run<{ count: number }>(target, {
    first: { ...first, sql: `${first.sql} RETURNING 1` },
    dependent,
    result: 'SELECT count(*)::integer AS count FROM first',
  });
  return written[0]?.count ?? 0;
}

/**
 * Rows that belong to rows of another write. A row is written only if its owner is written by the same statement. The
 * write must come from `insertRows`.
 */
export interface OwnedWrite {
  readonly write: Write;
  /** The owner of each row. */
  readonly ownerIds: readonly string[];
}

/**
 * As `writeTogether`, but returns the ids of the rows that `owners` wrote, and writes the others' rows for these only.
 */
export async function writeOwned(
  target: Transaction | Database,
  owners: Write,
  ...others: readonly OwnedWrite[]
): Promise<Set<string>> {
  const dependent = others.map(({ write: { sql, rows }, ownerIds }, at) => ({
    sql: `${sql.replace('$1', () => `$${at + 2}`)} WHERE "ownerId" IN (SELECT id FROM first)`,
    rows: rows.map((row, index) => ({ ...row, ownerId: ownerIds[index] })),
  }));
  const written = await run<{ id: string }>(target, {
    first: { ...owners, sql: `${owners.sql} RETURNING id` },
    dependent,
    result: 'SELECT id FROM first',
  });
  return new Set(written.map(({ id }) => id));
}

interface Statement {
  readonly first: Write;
  /** Their SQL has the parameters `$2`, `$3` and so on, in this order. */
  readonly dependent: readonly Write[];
  readonly result: string;
}

async function run<Row>(
  target: Transaction | Database,
  { first, dependent, result }: Statement,
): Promise<Row[]> {
  const parts = dependent.map(({ sql }, at) => `, write_${at + 2} AS (${sql})`);
  const sql = `WITH first AS (${first.sql})${parts.join('')} ${result}`;
  const parameters = [first, ...dependent].map(({ rows }) => JSON.stringify(rows));
  const runner = 'manager' in target ? target.manager : target;
  return (await runner.query(prepared(sql), parameters)) as Row[];
}

/** The same write; it skips rows that violate a unique constraint. */
export function onConflictDoNothing({ sql, rows }: Write): Write {
  return { sql: `${sql} ON CONFLICT DO NOTHING`, rows };
}

function insertStatement(entity: new () => object): string {
  const columns = columnsOf(entity)
    .filter(({ isGenerated }) => !isGenerated)
    .map(({ name, property, type, isArray }) => {
      const quoted = `"${property}"`;
      if (type === 'bytea') return { name, value: `decode(${quoted}, 'base64')`, field: `${quoted} text` };
      return { name, value: quoted, field: `${quoted} ${type}${isArray ? '[]' : ''}` };
    });
  const list = (part: keyof (typeof columns)[number]) => columns.map((it) => it[part]).join(', ');
  // "ownerId" is for `writeOwned`; in other rows it is absent and read as NULL.
  return `INSERT INTO ${tableOf(entity)} (${list('name')}) SELECT ${list('value')}
    FROM jsonb_to_recordset($1::jsonb) AS it (${list('field')}, "ownerId" uuid)`;
}

function updateStatement(entity: new () => object): string {
  const table = tableOf(entity);
  const columns = columnsOf(entity)
    .map(({ name }) => name)
    .filter((name) => name !== 'id')
    .join(', ');
  return `UPDATE ${table} SET (${columns}) = (SELECT ${columns} FROM jsonb_populate_record(${table}, unlocked.changed))
    FROM (
      SELECT wanted.* FROM jsonb_to_recordset($1::jsonb) AS wanted ("rowId" uuid, revision integer, changed jsonb)
      JOIN ${table} ON ${table}.id = wanted."rowId" AND ${table}.revision = wanted.revision
      FOR NO KEY UPDATE OF ${table} SKIP LOCKED
    ) AS unlocked
    WHERE ${table}.id = unlocked."rowId" AND ${table}.revision = unlocked.revision`;
}

function withBase64Bytes(row: object): object {
  const entries = Object.entries(row);
  if (!entries.some(([, value]) => Buffer.isBuffer(value))) return row;
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString('base64') : value]),
  );
}
