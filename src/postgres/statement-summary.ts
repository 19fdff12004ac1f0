import type { TracedCall } from '../telemetry/active-trace';

const writing = /\b(insert(?= into)|update(?= "?[a-z_]+"? set)|delete(?= from))/i;
const tableName = /\b(?:from|into|update)\s+"?([a-z_]+)\b/i;

/**
 * Describes a statement for a trace by its operation, its first table and its prepared name, never by its text or
 * values.
 */
export function describeStatement(sql: unknown): TracedCall {
  const { text = '', name } =
    typeof sql === 'string' ? { text: sql } : ((sql ?? {}) as { text?: string; name?: string });
  const first = /[a-z]+/i.exec(text)?.[0].toUpperCase() ?? 'UNKNOWN';
  const operation = first === 'WITH' ? (writing.exec(text)?.[1]?.toUpperCase() ?? 'SELECT') : first;
  const table = tableName.exec(text)?.[1];
  return {
    name: table === undefined ? operation : `${operation} ${table}`,
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      ...(table !== undefined && { 'db.collection.name': table }),
      ...(name !== undefined && { 'db.query.prepared_name': name }),
    },
  };
}
