import {
  type GraphQLFieldResolver,
  type GraphQLSchema,
  type GraphQLUnionType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { badUserInput, limitExceeded } from './errors';

/**
 * Finds the entity that a representation stands for; null when there is none. It is called for all
 * representations of a batch in one turn, so that a loader can serve them with one query. What it answers is not
 * changed and may be shared. A representation is what a caller sent: read only the key, and that strictly.
 */
export type ReferenceResolver<Context> = (
  representation: Readonly<Record<string, unknown>>,
  context: Context,
) => Promise<object | null>;

/** The reference resolver of each entity type, by the type's name in the graph. */
export type References<Context> = Readonly<Record<string, ReferenceResolver<Context>>>;

/**
 * Resolves `_entities` item by item: an unknown type or a reference that fails is an error at that item's path and
 * leaves the others untouched; more than `maxRepresentations` are refused before any is looked at.
 */
export function resolveEntitiesWith<Context>(
  schema: GraphQLSchema,
  references: References<Context>,
  maxRepresentations: number,
): void {
  const union = schema.getType('_Entity');
  const field = schema.getQueryType()?.getFields()._entities;
  if (!isUnionType(union) || !field) {
    if (Object.keys(references).length > 0) throw new Error('There are references and no type with a @key.');
    return;
  }
  checkReferences(union, references);
  // Beside the entities, not on them: graphql-js needs to know the type, and an entity may be shared or frozen.
  const typeNames = new WeakMap<object, string>();
  union.resolveType = (entity) => typeNames.get(entity);

  const resolve: GraphQLFieldResolver<unknown, Context> = (_root, { representations }, context) => {
    if (representations.length > maxRepresentations)
      throw limitExceeded('representations', maxRepresentations);
    return representations.map(async (representation: unknown) => {
      const { typeName, find } = referenceOf(references, representation);
      const entity = await find(representation as Record<string, unknown>, context);
      if (entity !== null) typeNames.set(entity, typeName);
      return entity;
    });
  };
  field.resolve = resolve;
}

function referenceOf<Context>(references: References<Context>, representation: unknown) {
  const typeName = (representation as { __typename?: unknown } | null)?.__typename;
  if (typeof typeName !== 'string') throw badUserInput('The representation has no __typename.');
  const find = Object.hasOwn(references, typeName) ? references[typeName] : undefined;
  if (!find) throw badUserInput('The __typename of the representation is no entity of this service.');
  return { typeName, find };
}

// A type with a @key and no reference would answer whatever the caller put into the representation.
function checkReferences(union: GraphQLUnionType, references: References<never>): void {
  const entities = union.getTypes().filter((type) => isObjectType(type) && isResolvable(type));
  for (const { name } of entities) {
    if (!Object.hasOwn(references, name)) throw new Error(`The entity ${name} has no reference resolver.`);
  }
  const names = union.getTypes().map(({ name }) => name);
  for (const name of Object.keys(references)) {
    if (!names.includes(name)) throw new Error(`${name} has a reference resolver and no @key.`);
  }
}

function isResolvable(type: ReturnType<GraphQLUnionType['getTypes']>[number]): boolean {
  const keys = (type.astNode?.directives ?? []).filter(({ name }) => name.value === 'key');
  return keys.some(
    ({ arguments: args }) =>
      !args?.some(
        ({ name, value }) => name.value === 'resolvable' && 'value' in value && value.value === false,
      ),
  );
}
