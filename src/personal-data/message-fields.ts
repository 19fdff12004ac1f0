import type { DataClass, PersonalField } from './personal-data';
import type { personalDataOfHistory } from './personal-data-of-history';
import type { personalDataOfRecords } from './personal-data-of-records';
import type { personalDataOfUsers } from './personal-data-of-users';

type Tables = typeof personalDataOfHistory & typeof personalDataOfRecords & typeof personalDataOfUsers;
/** A column of any table, as `table.column`. */
export type Column = {
  [Table in keyof Tables]: `${Table}.${keyof Tables[Table]['columns'] & string}`;
}[keyof Tables];
type Field = PersonalField<Column>;

/** Describes a field in one line. */
export function field(dataClass: DataClass, purpose: string, ...columns: Column[]): Field {
  return { dataClass, purpose, columns };
}

/** Describes a token or code that the outbox drops once the message is published. */
export function secret(purpose: string): Field {
  return { ...field('technical', `secret until it is published: ${purpose}`), isSecret: true };
}
