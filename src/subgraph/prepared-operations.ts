import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import { hasStringLiteral } from './document-store';

/** A query that passed parsing, validation and the limits, compiled to a function. */
export interface PreparedOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** Runs the query like `execute` of graphql-js. Errors are not masked. */
  readonly run: (
    context: object,
    variables: Readonly<Record<string, unknown>>,
  ) => PreparedResult | Promise<PreparedResult>;
}

export interface PreparedResult {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLError[];
}

/** How many queries are kept; routers send a few hundred different ones. */
const maxOperations = 1_000;
const maxTextLength = 10_000;

/**
 * Queries that ran without errors before, by their text. A text is compiled when it arrives for the second time.
 *
 * Only queries without string literals are kept, so that no personal data stays in memory with the text.
 */
export class PreparedOperations {
  private readonly seen = new LRUCache<string, true>({ max: maxOperations });
  private readonly prepared = new LRUCache<string, PreparedOperation>({ max: maxOperations });

  constructor(private readonly schema: GraphQLSchema) {}

  /** Returns the compiled query, or undefined if the text has to go through parsing and validation. */
  find(text: string, operationName: string | null | undefined): PreparedOperation | undefined {
    return this.prepared.get(keyOf(text, operationName));
  }

  /** Registers a query that parsing, validation and the limits accepted, and that ran without errors. */
  register(
    text: string,
    operationName: string | null | undefined,
    document: DocumentNode,
    operation: OperationDefinitionNode,
  ): void {
    const key = keyOf(text, operationName);
    if (this.prepared.has(key) || !canBePrepared(text, document, operation)) return;
    if (!this.seen.has(key)) {
      this.seen.set(key, true);
      return;
    }
    this.seen.delete(key);
    const compiled = compileQuery(this.schema, document, operationName ?? undefined, {
      // Results with errors are discarded: the request then runs through the server's own pipeline.
      disablingCapturingStackErrors: true,
    });
    if (!isCompiledQuery(compiled)) return;
    const run: PreparedOperation['run'] = (context, variables) =>
      compiled.query(undefined, context, variables) as PreparedResult | Promise<PreparedResult>;
    this.prepared.set(key, { document, operation, run });
  }
}

function keyOf(text: string, operationName: string | null | undefined): string {
  return operationName ? `${operationName}\n${text}` : text;
}

function canBePrepared(text: string, document: DocumentNode, operation: OperationDefinitionNode): boolean {
  if (operation.operation !== 'query' || text.length > maxTextLength) return false;
  let accepted = !hasStringLiteral(document);
  visit(document, {
    Field: ({ name }) => {
      if (name.value.startsWith('__') && name.value !== '__typename') accepted = false;
    },
    [Kind.DIRECTIVE]: ({ name }) => {
      if (name.value !== 'skip' && name.value !== 'include') accepted = false;
    },
  });
  return accepted;
}
