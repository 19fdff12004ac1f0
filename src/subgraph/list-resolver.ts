import type { GraphQLField, GraphQLResolveInfo } from 'graphql';

/**
 * Resolves a field for all objects of a selection in one call, and returns the values in their order. Executors without
 * it, like graphql-js, call the resolver of the field, which should call this one.
 */
export type ListResolver<Source, Args, Context> = (
  sources: readonly Source[],
  args: Args,
  context: Context,
  info: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>,
) => Promise<readonly unknown[]>;

/** The extension of a field that holds its list resolver, for `@Extensions`. */
export interface ListResolved {
  readonly resolveList: ListResolver<never, never, never>;
}

/** Returns the list resolver of a field, or undefined if it has none. */
export function listResolverOf(
  field: GraphQLField<unknown, unknown>,
): ListResolver<unknown, unknown, unknown> | undefined {
  return field.extensions['resolveList'] as ListResolver<unknown, unknown, unknown> | undefined;
}
