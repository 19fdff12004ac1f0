import type { ReferenceResolver } from '../../src/subgraph/entities';

type FindOne<Context> = (
  representation: Readonly<Record<string, unknown>>,
  context: Context,
) => Promise<object | null>;

/** A reference resolver that calls `find` for each representation. What it throws is the error of that item. */
export function oneByOne<Context>(find: FindOne<Context>): ReferenceResolver<Context> {
  return (representations, context) =>
    Promise.all(
      representations.map(async (representation) => {
        try {
          return await find(representation, context);
        } catch (error) {
          return error as Error;
        }
      }),
    );
}
