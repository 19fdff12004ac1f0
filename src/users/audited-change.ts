import { isDeepStrictEqual } from 'node:util';
import type { ChangedValues } from '../audit/audit-values';
import type { User } from './user.entity';

/** Bookkeeping of the row, which says nothing about the person. */
const technical = ['id', 'version', 'revision', 'updatedAt'];

/** What differs between two states of a user, for the audit log; of a new user (`before` null) all that is set. */
export function auditedChange(before: User | null, after: User) {
  const names = (Object.keys(after) as (keyof User)[])
    .filter((name) => !technical.includes(name) && !name.endsWith('Normalized'))
    .filter((name) => !isDeepStrictEqual(before?.[name] ?? null, after[name]))
    .sort();
  const valuesOf = (user: User) => Object.fromEntries(names.map((name) => [name, user[name]]));
  const values: ChangedValues = { before: before && valuesOf(before), after: valuesOf(after) };
  return { fields: names, values };
}
