import type { GraphQLFieldResolver, GraphQLObjectType } from 'graphql';

/**
 * Returns which of the fields that it was made for an object may show: null for all of them, otherwise one Boolean per
 * field. It records what it permits, and throws what the response has to report instead of a refused field.
 */
export type FieldFilter<Source, Context> = (source: Source, context: Context) => readonly boolean[] | null;

/** Access rules of an object type, for executors that decide about all selected fields of an object in one call. */
export interface ObjectGuard<Source, Context> {
  /** The resolvers of the type's fields without checks, by name. Undefined for fields that are properties. */
  readonly unguarded: ReadonlyMap<string, GraphQLFieldResolver<Source, Context> | undefined>;
  /** Returns the filter for these fields, or null if anyone may read all of them. */
  readonly filterFor: (fields: readonly string[]) => FieldFilter<Source, Context> | null;
}

const guards = new WeakMap<GraphQLObjectType, ObjectGuard<never, never>>();

/** Registers the guard of a type whose fields all check access themselves as well. */
export function setObjectGuard<Source, Context>(
  type: GraphQLObjectType,
  guard: ObjectGuard<Source, Context>,
): void {
  guards.set(type, guard as ObjectGuard<never, never>);
}

/** Returns the guard of a type, or undefined if its fields are all resolved as they are. */
export function objectGuardOf(type: GraphQLObjectType): ObjectGuard<unknown, unknown> | undefined {
  return guards.get(type) as ObjectGuard<unknown, unknown> | undefined;
}
