import type { DataSource } from 'typeorm';

/** What the catalog of PostgreSQL says about the tables of the service, one thing a line. */
const dump = `
  WITH tables AS (
    SELECT oid, relname, reloptions FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'schema_migrations'
  )
  SELECT line FROM (SELECT 'table ' || relname || coalesce(' with ' || reloptions::text, '') AS line FROM tables
  UNION ALL SELECT concat_ws(' ', 'column', relname || '.' || attname, format_type(atttypid, atttypmod),
      CASE WHEN attcollation NOT IN (0, 'default'::regcollation) THEN 'collate ' || attcollation::regcollation END,
      CASE WHEN attnotnull THEN 'not null' END,
      'default ' || pg_get_expr(adbin, adrelid),
      'statistics ' || nullif(attstattarget, -1))
    FROM tables JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  UNION ALL SELECT concat_ws(' ', 'constraint', relname || '.' || conname, pg_get_constraintdef(pg_constraint.oid))
    FROM tables JOIN pg_constraint ON conrelid = tables.oid WHERE contype NOT IN ('n', 't')
  UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) FROM tables JOIN pg_index ON indrelid = oid
  UNION ALL SELECT 'trigger ' || pg_get_triggerdef(pg_trigger.oid)
    FROM tables JOIN pg_trigger ON tgrelid = tables.oid WHERE NOT tgisinternal
  UNION ALL SELECT 'function ' || regexp_replace(pg_get_functiondef(oid), '\\s+', ' ', 'g')
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace) AS lines
  ORDER BY line COLLATE "C"`;

/** Returns the tables, columns, constraints, indexes, triggers and functions, without the order of columns. */
export async function dumpSchema(dataSource: Pick<DataSource, 'query'>): Promise<string> {
  const rows = await dataSource.query<{ line: string }[]>(dump);
  return rows.map(({ line }) => `${line}\n`).join('');
}
