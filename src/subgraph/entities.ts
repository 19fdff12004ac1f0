import {
  type GraphQLFieldResolver,
  type GraphQLSchema,
  type GraphQLUnionType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { badUserInput, limitExceeded } from './errors';

/**
 * Returns the entity of a representation, or null if there is none.
 *
 * All representations of a batch are resolved in one tick, so that a loader can read them with one query. The returned
 * object is not modified and may be shared. Representations are untrusted input: read only the key, and validate it.
 */
export type ReferenceResolver<Context> = (
  representation: Readonly<Record<string, unknown>>,
  context: Context,
) => Promise<object | null>;

/** The reference resolver of each entity type, by the type's name in the graph. */
export type References<Context> = Readonly<Record<string, ReferenceResolver<Context>>>;

/**
 * Makes `_entities` resolve each representation on its own, in place.
 *
 * An unknown type or a failing reference resolver is an error at the item's path and does not affect other items.
 * More than `maxRepresentations` are refused before any is resolved.
 */
export function resolveEntitiesWith<Context>(
  schema: GraphQLSchema,
  references: References<Context>,
  maxRepresentations: number,
): void {
  const union = schema.getType('_Entity');
  const field = schema.getQueryType()?.getFields()._entities;
  if (!isUnionType(union) || !field) {
    if (Object.keys(references).length > 0)
      throw new Error('The schema has reference resolvers but no type with a @key.');
    return;
  }
  checkReferences(union, references);
  // graphql-js needs the type of each entity. An entity may be shared or frozen, so the type is stored separately.
  const typeNames = new WeakMap<object, string>();
  union.resolveType = (entity) => typeNames.get(entity);

  const resolve: GraphQLFieldResolver<unknown, Context> = (_root, { representations }, context) => {
    if (representations.length > maxRepresentations)
      throw limitExceeded('representations', maxRepresentations);
    // One promise for the list. An Error in it is reported at its item's path and leaves the other items untouched.
    return Promise.all(
      representations.map(async (representation: unknown) => {
        try {
          const { typeName, find } = referenceOf(references, representation);
          const entity = await find(representation as Record<string, unknown>, context);
          if (entity !== null) typeNames.set(entity, typeName);
          return entity;
        } catch (error) {
          return error instanceof Error ? error : new Error(String(error));
        }
      }),
    );
  };
  field.resolve = resolve;
}

function referenceOf<Context>(references: References<Context>, representation: unknown) {
  const typeName = (representation as { __typename?: unknown } | null)?.__typename;
  if (typeof typeName !== 'string') throw badUserInput('The representation has no __typename.');
  const find = Object.hasOwn(references, typeName) ? references[typeName] : undefined;
  if (!find) throw badUserInput('The __typename of the representation is not an entity of this service.');
  return { typeName, find };
}

// An entity without a reference resolver would return the representation that the caller sent.
function checkReferences(union: GraphQLUnionType, references: References<never>): void {
  const entities = union.getTypes().filter((type) => isObjectType(type) && isResolvable(type));
  for (const { name } of entities) {
    if (!Object.hasOwn(references, name)) throw new Error(`The entity ${name} has no reference resolver.`);
  }
  const names = union.getTypes().map(({ name }) => name);
  for (const name of Object.keys(references)) {
    if (!names.includes(name)) throw new Error(`${name} has a reference resolver but no @key.`);
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
