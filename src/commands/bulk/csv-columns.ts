import { isExternalSystem } from '../../users/external-ids';
import { addressParts } from '../../users/user.entity';
import { textFields } from './user-row';

/** The columns of external ids begin with this, and end with the system: `externalId.crm`. */
export const externalIdPrefix = 'externalId.';

/** A field of a user, such as `email`, `address.city` or `externalId.crm`. */
export type ImportedField =
  | (typeof textFields)[number]
  | `address.${(typeof addressParts)[number]}`
  | `${typeof externalIdPrefix}${string}`;

/** The operator's choices for columns. They take precedence over the fields that columns are named after. */
export interface ColumnChoices {
  /** The field of a column, by the column's name. */
  readonly map: ReadonlyMap<string, ImportedField>;
  /** The names of columns to leave out. */
  readonly ignore: ReadonlySet<string>;
}

/** The field of a column; or `ignored`, whose values are left out; or `unnamed`, in which any value is a problem. */
export type Column = ImportedField | 'ignored' | 'unnamed';

const namedFields: readonly ImportedField[] = [
  ...textFields,
  ...addressParts.map((part) => `address.${part}` as const),
];

/** The names of all fields, for messages. */
export const fieldNames: readonly string[] = [...namedFields, `${externalIdPrefix}SYSTEM`];

const fieldsByKey = new Map<string, ImportedField>([
  ...namedFields.map((field) => [keyOf(field), field] as const),
  ...addressParts.map((part) => [keyOf(part), `address.${part}`] as const),
]);

/**
 * Returns the field with this name. Ignores case, spaces and punctuation, such as in `E-mail`, `first_name` and `City`,
 * except in the system of an external id.
 */
export function findField(name: string): ImportedField | undefined {
  const [, system] = /^external[ _-]?id\.(.+)$/i.exec(name.trim()) ?? [];
  if (system !== undefined) return isExternalSystem(system) ? `${externalIdPrefix}${system}` : undefined;
  return fieldsByKey.get(keyOf(name));
}

function keyOf(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
}

/**
 * Returns what each column of a header is. Omits unnamed columns at the end, so rows need no cells for them.
 *
 * @throws Error when no column is a field, when a column is unknown, when two columns have the same field, or when a
 *   mapped column is missing
 */
export function readColumns(names: readonly string[], { map, ignore }: ColumnChoices): readonly Column[] {
  const header = names.slice(0, names.findLastIndex((name) => name !== '') + 1);
  const missing = [...map.keys()].filter((name) => !header.includes(name));
  if (missing.length > 0) throw new Error(`the header has no column ${listed(missing)} to map`);
  const columns = header.map((name): Column | 'unknown' => {
    if (name === '') return 'unnamed';
    if (ignore.has(name)) return 'ignored';
    return map.get(name) ?? findField(name) ?? 'unknown';
  });
  const isField = (column: Column | 'unknown') => !['unknown', 'ignored', 'unnamed'].includes(column);
  // A first line without any field is probably a row of personal data, so the message does not quote it.
  if (!columns.some(isField))
    throw new Error(`the first line must name the columns, but no name is a field: ${fieldNames.join(', ')}`);
  const unknown = header.filter((_, at) => columns[at] === 'unknown');
  if (unknown.length > 0)
    throw new Error(
      `the header has columns that cannot be imported: ${listed(unknown)}; choose a field with --map "COLUMN=FIELD", or leave a column out with --ignore "COLUMN"; the fields are ${fieldNames.join(', ')}`,
    );
  const repeated = columns.find((column, at) => isField(column) && columns.indexOf(column) < at);
  if (repeated)
    throw new Error(
      `the header has more than one column for ${repeated}: ${listed(header.filter((_, at) => columns[at] === repeated))}; leave the others out with --ignore "COLUMN"`,
    );
  return columns.filter((column) => column !== 'unknown');
}

const longestName = 60;

function listed(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name.slice(0, longestName))).join(', ');
}
