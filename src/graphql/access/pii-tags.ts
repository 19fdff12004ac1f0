import { type GraphQLObjectType, type GraphQLSchema, getNamedType, isLeafType, isObjectType } from 'graphql';
import type { ShownField, ShownFields } from '../../personal-data/shown-fields';

/** The tag of fields with personal data that is not public. Schema contracts and tools filter by it. */
const piiTag = '@tag(name: "pii")';

/** Returns the tags that the map of personal data requires, by `Type.field`. */
export function piiTags(shown: ShownFields): Record<string, readonly string[]> {
  const personal = Object.entries(shown).flatMap(([type, fields]) =>
    Object.entries(fields).flatMap(([field, { isPersonal }]) => (isPersonal ? [`${type}.${field}`] : [])),
  );
  return Object.fromEntries(personal.map((name) => [name, [piiTag]]));
}

/**
 * Checks that the map of personal data has every field of the graph that returns data. For types in the map these are
 * all fields, for other types the fields of scalar and enum types.
 *
 * @throws Error for a field that is missing from the map, or from the graph
 */
export function checkFieldsAreMapped(schema: GraphQLSchema, shown: ShownFields): GraphQLSchema {
  const types = Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('_'),
  );
  for (const type of types) checkTypeIsMapped(type, shown[type.name], shown['*'] ?? {});
  const stale = Object.keys(shown).filter((name) => name !== '*' && !types.some((it) => it.name === name));
  if (stale.length > 0)
    throw new Error(`The map of personal data has ${stale.join(', ')}, which the graph lacks`);
  return schema;
}

type Fields = Readonly<Record<string, ShownField>>;

function checkTypeIsMapped(type: GraphQLObjectType, own: Fields | undefined, common: Fields): void {
  const fields = type.getFields();
  const stale = Object.keys(own ?? {}).filter((name) => !(name in fields));
  const missing = Object.values(fields)
    .filter((field) => !field.name.startsWith('_') && !(field.name in common))
    .filter((field) => (own ? !(field.name in own) : isLeafType(getNamedType(field.type))))
    .map(({ name }) => name);
  const names = (list: string[]) => list.map((name) => `${type.name}.${name}`).join(', ');
  if (missing.length > 0)
    throw new Error(`The map of personal data lacks ${names(missing)}: declare it in src/personal-data/`);
  if (stale.length > 0)
    throw new Error(`The map of personal data has ${names(stale)}, which the graph lacks`);
}
