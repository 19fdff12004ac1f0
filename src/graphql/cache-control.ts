import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { userFields } from './access/access';
import type { GraphqlContext } from './context';

/** The header of every response that may differ between callers. */
export const privateResponse = 'private, no-store';

const publicFields: ReadonlySet<string> = new Set([
  '__typename',
  ...Object.keys(userFields).filter((name) => userFields[name] === 'anyone'),
]);

/** What a response without errors carries for caches. */
export interface CacheHints {
  /** The value of `Cache-Control`. */
  readonly header: string;
  readonly extensions?: { readonly apolloEntityCacheTags: readonly (readonly string[])[] };
}

export interface CacheControlOptions {
  readonly maxAgeSeconds: number;
  /** True adds the tag of each user, so that a router can invalidate what it cached. */
  readonly tagged: boolean;
}

/** Returns the tag of what caches have of a user, the same for an id in upper case. */
export function cacheTagOf(userId: string): string {
  return `user-${userId.toLowerCase()}`;
}

/**
 * Decides which responses shared caches may keep: those to queries of `_entities` that select only fields of `User` that
 * anyone may read. No token decides about them, so they are the same for all callers.
 */
export class CacheControl {
  private readonly publicOperations = new WeakMap<OperationDefinitionNode, boolean>();

  constructor(private readonly options: CacheControlOptions) {}

  /** Returns the hints of a response without errors, or null if it is private. */
  hintsFor(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    context: GraphqlContext,
  ): CacheHints | null {
    const { entityIds } = context;
    if (entityIds === null || !this.isPublic(document, operation)) return null;
    const header = `public, max-age=${this.options.maxAgeSeconds}`;
    if (!this.options.tagged) return { header };
    return { header, extensions: { apolloEntityCacheTags: entityIds.map((id) => [cacheTagOf(id)]) } };
  }

  /** Sets the header, and the tags, of responses that Apollo Server makes. */
  readonly plugin: ApolloServerPlugin<GraphqlContext> = {
    requestDidStart: async () => ({
      willSendResponse: async ({ document, operation, response, contextValue }) => {
        const { body, http } = response;
        http.headers.set('cache-control', privateResponse);
        if (!document || !operation || body.kind !== 'single' || body.singleResult.errors) return;
        const hints = this.hintsFor(document, operation, contextValue);
        if (!hints) return;
        http.headers.set('cache-control', hints.header);
        if (hints.extensions)
          body.singleResult.extensions = { ...body.singleResult.extensions, ...hints.extensions };
      },
    }),
  };

  private isPublic(document: DocumentNode, operation: OperationDefinitionNode): boolean {
    let known = this.publicOperations.get(operation);
    if (known === undefined) {
      known = operation.operation === 'query' && selectsOnlyPublic(document, operation);
      this.publicOperations.set(operation, known);
    }
    return known;
  }
}

/** True if the root fields are one `_entities` without an alias, which tags belong to, and below it public fields. */
function selectsOnlyPublic(document: DocumentNode, operation: OperationDefinitionNode): boolean {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);

  const fieldsOf = (
    set: SelectionSetNode,
    // Fragments that spread each other twice would otherwise double the work at each level.
    spread = new Set<string>(),
  ): { name: string; alias?: string; set?: SelectionSetNode }[] =>
    set.selections.flatMap((selection) => {
      if (selection.kind === Kind.INLINE_FRAGMENT) return fieldsOf(selection.selectionSet, spread);
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments.get(selection.name.value);
        if (!fragment || spread.has(selection.name.value)) return [];
        spread.add(selection.name.value);
        return fieldsOf(fragment.selectionSet, spread);
      }
      const { name, alias, selectionSet } = selection;
      return [
        {
          name: name.value,
          ...(alias && { alias: alias.value }),
          ...(selectionSet && { set: selectionSet }),
        },
      ];
    });

  const roots = fieldsOf(operation.selectionSet).filter(({ name }) => name !== '__typename');
  const [entities] = roots;
  if (roots.length !== 1 || entities?.name !== '_entities' || entities.alias !== undefined || !entities.set)
    return false;
  return fieldsOf(entities.set).every(({ name, set }) => publicFields.has(name) && set === undefined);
}
