import { primaryKeyOf } from './entity-columns';

export interface ChosenRows {
  readonly table: string;
  /** The SQL condition for the rows, and what follows it: `LIMIT` and the lock. */
  readonly which: string;
}

/** Returns a statement that deletes at most so many rows, each as it is once its lock is held. */
export function deletionOf(rows: ChosenRows): string {
  return withChosen(rows, ({ table, isChosen }) => `DELETE FROM ${table} USING chosen WHERE ${isChosen}`);
}

/** As `deletionOf`, for an update. */
export function updateOf(rows: ChosenRows, assignments: string): string {
  return withChosen(
    rows,
    ({ table, isChosen }) => `UPDATE ${table} SET ${assignments} FROM chosen WHERE ${isChosen}`,
  );
}

/**
 * By primary key: a `ctid` is that of the version before a concurrent update, so the row would be missed. Materialized,
 * because a repeated evaluation would choose other rows.
 */
function withChosen(
  { table, which }: ChosenRows,
  statement: (it: { table: string; isChosen: string }) => string,
): string {
  const key = primaryKeyOf(table);
  const isChosen = key.map((column) => `${table}.${column} = chosen.${column}`).join(' AND ');
  return `WITH chosen AS MATERIALIZED (SELECT ${key.join(', ')} FROM ${table} WHERE ${which})
    ${statement({ table, isChosen })}`;
}
