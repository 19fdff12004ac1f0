import {
  type GraphQLFieldResolver,
  type GraphQLSchema,
  type GraphQLUnionType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { badUserInput, limitExceeded } from './errors';

/**
 * Returns the entities of representations of one type in their order: null where there is none, an Error where the
 * representation is refused or cannot be read. A rejection concerns all of them.
 *
 * The returned objects are not modified and may be shared. Representations are untrusted input: read only the key, and
 * validate it.
 */
export type ReferenceResolver<Context> = (
  representations: readonly Readonly<Record<string, unknown>>[],
  context: Context,
) => Promise<readonly (object | null)[]>;

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
  const rememberType = resolveTypeOf(union);

  const resolve: GraphQLFieldResolver<unknown, Context> = (_root, { representations }, context) => {
    if (representations.length > maxRepresentations)
      throw limitExceeded('representations', maxRepresentations);
    return resolveAll(representations, context);
  };
  field.resolve = resolve;

  /** Returns an Error at each item that is refused, which graphql-js reports at the item's path. */
  function resolveAll(representations: readonly unknown[], context: Context): Promise<readonly unknown[]> {
    const types = representations.map((it) => typeNameOf(references, it));
    const [first] = types;
    return typeof first === 'string' && types.every((it) => it === first)
      ? find(first, representations, context)
      : resolveByType(types, representations, context);
  }

  /** Resolves the representations of each type in one call. */
  async function resolveByType(
    types: readonly (string | Error)[],
    representations: readonly unknown[],
    context: Context,
  ): Promise<readonly unknown[]> {
    const entities: unknown[] = [...types];
    const names = new Set(entities.filter((it) => typeof it === 'string'));
    const positionsOf = [...names].map((name) => ({
      name,
      positions: [...entities.keys()].filter((at) => entities[at] === name),
    }));
    await Promise.all(
      positionsOf.map(async ({ name, positions }) => {
        const ofType = positions.map((at) => representations[at]);
        const found = await find(name, ofType, context);
        for (const [index, at] of positions.entries()) entities[at] = found[index];
      }),
    );
    return entities;
  }

  /** Resolves representations of one type. A failure of the resolver is the result of each. */
  async function find(typeName: string, representations: readonly unknown[], context: Context) {
    try {
      const resolver = references[typeName] as ReferenceResolver<Context>;
      const found = await resolver(representations as Record<string, unknown>[], context);
      for (const entity of found) if (entity && !(entity instanceof Error)) rememberType?.(entity, typeName);
      return found;
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      return representations.map(() => failure);
    }
  }
}

/**
 * Tells graphql-js the type of each entity. Returns the function to call with each of them, or null if the union has
 * one type only.
 */
function resolveTypeOf(union: GraphQLUnionType): ((entity: object, typeName: string) => void) | null {
  const [only, ...others] = union.getTypes();
  if (only && others.length === 0) {
    union.resolveType = () => only.name;
    return null;
  }
  // Requests may share an entity, so its type is stored separately.
  const typeNames = new WeakMap<object, string>();
  union.resolveType = (entity) => typeNames.get(entity);
  return (entity, typeName) => void typeNames.set(entity, typeName);
}

/** Returns the type that a representation names, or the error to report at its item. */
function typeNameOf(references: References<never>, representation: unknown): string | Error {
  const typeName = (representation as { __typename?: unknown } | null)?.__typename;
  if (typeof typeName !== 'string') return badUserInput('The representation has no __typename.');
  if (!Object.hasOwn(references, typeName))
    return badUserInput('The __typename of the representation is not an entity of this service.');
  return typeName;
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
