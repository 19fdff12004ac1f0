import { getMetadataArgsStorage } from 'typeorm';

/** A column as its entity declares it. */
export interface EntityColumn {
  readonly property: string;
  /** The name in the table. */
  readonly name: string;
  /** The type in PostgreSQL, of one element if the column is an array. */
  readonly type: string;
  readonly isArray: boolean;
  readonly isNullable: boolean;
  /** True if PostgreSQL makes the value. */
  readonly isGenerated: boolean;
  /** A value, or a function that returns SQL; undefined if there is none. */
  readonly default: unknown;
  /** The values that a text column allows; null if it allows any. */
  readonly values: readonly string[] | null;
}

/** Returns the table of an entity. */
export function tableOf(entity: new () => object): string | undefined {
  return getMetadataArgsStorage().tables.find(({ target }) => target === entity)?.name;
}

/** Returns the columns of a table's primary key. Call it when the entities are loaded. */
export function primaryKeyOf(table: string): readonly string[] {
  const storage = getMetadataArgsStorage();
  const entity = storage.tables.find(({ name }) => name === table)?.target;
  const key = storage.columns.filter(({ target, options }) => target === entity && options.primary);
  if (entity === undefined || key.length === 0) throw new Error(`no entity describes the key of ${table}`);
  return key.map(({ propertyName, options }) => options.name ?? propertyName);
}

const columnsByEntity = new Map<new () => object, readonly EntityColumn[]>();

/** Returns the columns of an entity, in the order of its declarations. */
export function columnsOf(entity: new () => object): readonly EntityColumn[] {
  const columns = columnsByEntity.get(entity) ?? readColumns(entity);
  columnsByEntity.set(entity, columns);
  return columns;
}

function readColumns(entity: new () => object): EntityColumn[] {
  const storage = getMetadataArgsStorage();
  const generated = new Set(
    storage.generations.filter(({ target }) => target === entity).map((it) => it.propertyName),
  );
  return storage.columns
    .filter(({ target }) => target === entity)
    .map(({ propertyName: property, options }) => ({
      property,
      name: options.name ?? property,
      type: String(options.type),
      isArray: options.array ?? false,
      isNullable: options.nullable ?? false,
      isGenerated: generated.has(property),
      default: options.default,
      values: Array.isArray(options.enum) ? options.enum : null,
    }));
}

/** Returns SQL that selects the columns of an entity, or those of these properties, under the names of the properties. */
export function selectListOf(entity: new () => object, properties?: ReadonlySet<string>): string {
  return columnsOf(entity)
    .filter(({ property }) => properties?.has(property) ?? true)
    .map(({ name, property }) => (name === property ? name : `${name} AS "${property}"`))
    .join(', ');
}
