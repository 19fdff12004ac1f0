import type { Database, Transaction } from './database';
import { columnsOf, tableOf } from './entity-columns';
import { prepared } from './prepared';

/** Rows and their INSERT statement, in which `$1` is a JSON array of the rows. */
export interface Write {
  readonly sql: string;
  readonly rows: readonly object[];
}

const insertStatements = new Map<object, string>();

/** Returns an INSERT of whole rows; its SQL is the same for any number of rows. It omits generated columns. */
export function insertRows<Row extends object>(
  entity: new () => Row,
  rows: readonly Partial<NoInfer<Row>>[],
): Write {
  const sql = insertStatements.get(entity) ?? insertStatement(entity);
  insertStatements.set(entity, sql);
  return { sql, rows: rows.map(withBase64Bytes) };
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
  const parts = others.map(({ sql }, at) => {
    const rows = `(SELECT $${at + 2}::jsonb WHERE EXISTS (SELECT FROM first))`;
    return `, write_${at + 2} AS (${sql.replace('$1', () => rows)})`;
  });
  const sql = `WITH first AS (${first.sql} RETURNING 1)${parts.join('')} SELECT count(*)::integer AS written FROM first`;
  const parameters = [first, ...others].map(({ rows }) => JSON.stringify(rows));
  const run = 'manager' in target ? target.manager : target;
  const [row] = (await run.query(prepared(sql), parameters)) as { written: number }[];
  return row?.written ?? 0;
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
  return `INSERT INTO ${tableOf(entity)} (${list('name')}) SELECT ${list('value')}
    FROM jsonb_to_recordset($1::jsonb) AS it (${list('field')})`;
}

function withBase64Bytes(row: object): object {
  const entries = Object.entries(row);
  if (!entries.some(([, value]) => Buffer.isBuffer(value))) return row;
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString('base64') : value]),
  );
}
