import type { ApolloServerOptions, BaseContext } from '@apollo/server';
import { BREAK, type DocumentNode, visit } from 'graphql';
import { LRUCache } from 'lru-cache';

type DocumentStore = NonNullable<ApolloServerOptions<BaseContext>['documentStore']>;

/** The most characters of stored documents. Parsed, each takes about 60 bytes. */
const maxCharacters = 500_000;

/**
 * Returns a store of parsed documents for Apollo Server. It does not keep documents with string literals: a client may
 * have written a password into one, and it would stay in memory.
 */
export function createDocumentStore(): DocumentStore {
  const documents = new LRUCache<string, DocumentNode>({
    maxSize: maxCharacters,
    sizeCalculation: (document) => document.loc?.source.body.length ?? maxCharacters,
  });
  return {
    get: async (key) => documents.get(key),
    async set(key, document) {
      if (!hasStringLiteral(document)) documents.set(key, document);
    },
    delete: async (key) => documents.delete(key),
  };
}

/** True if the document contains a string or block string, wherever it is. */
export function hasStringLiteral(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    StringValue: () => {
      found = true;
      return BREAK;
    },
  });
  return found;
}
