import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { type DocumentNode, GraphQLError, type ParseOptions, type ValidationRule } from 'graphql';
import { introspectionTooDeep, limitExceeded } from './errors';
import { countRepresentations, findCircularSpread, measureOperations } from './operation-size';

/** Maximum size of one operation. Each limit is a setting, such as `LIMIT_ALIASES`. */
export interface Limits {
  /** Aliases in one operation, with fragments expanded. */
  readonly aliases: number;
  /** Levels of nested fields, with fragments expanded. Does not apply to introspection. */
  readonly depth: number;
  /** Lexical tokens in one document. */
  readonly tokens: number;
  /** Representations passed to `_entities` by one operation. */
  readonly representations: number;
}

/** Options of an Apollo Server that enforce the limits. */
export interface LimitOptions {
  readonly parseOptions: ParseOptions;
  readonly validationRules: ValidationRule[];
  readonly plugins: ApolloServerPlugin<BaseContext>[];
}

/**
 * Returns options that refuse operations over the limits with `LIMIT_EXCEEDED` before any resolver runs.
 *
 * Tokens are limited while parsing, aliases and depth in validation, representations before variables are coerced.
 * `formatError` of `createErrorMask` is required: it restores the code of these errors.
 */
export function limitOptions(limits: Limits): LimitOptions {
  return {
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [sizeRule(limits)],
    plugins: [representationsPlugin(limits)],
  };
}

/** One more than the depth of graphql-js's introspection query, which all tools send. */
const maxIntrospectionDepth = 16;

function sizeRule(limits: Limits): ValidationRule {
  return (context) => ({
    Document(document) {
      const errors = limitErrorsOf(document, limits);
      for (const error of errors) context.reportError(error);
      // Other rules could take quadratic time or overflow the stack, so they get an empty document.
      if (errors.length > 0) Object.assign(document, { definitions: [] });
    },
  });
}

function limitErrorsOf(document: DocumentNode, limits: Limits): GraphQLError[] {
  const circular = findCircularSpread(document);
  if (circular) {
    const message = `Cannot spread fragment "${circular.name.value}" within itself.`;
    return [new GraphQLError(message, { nodes: circular })];
  }
  return [...measureOperations(document)].flatMap(([operation, size]) => [
    ...(['aliases', 'depth'] as const)
      .filter((limit) => size[limit] > limits[limit])
      .map((limit) => limitExceeded(limit, limits[limit], { nodes: operation })),
    ...(size.introspectionDepth > maxIntrospectionDepth ? [introspectionTooDeep({ nodes: operation })] : []),
  ]);
}

function representationsPlugin(limits: Limits): ApolloServerPlugin<BaseContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ document, operation, request }) {
          if (!operation) return;
          if (countRepresentations(document, operation, request.variables ?? {}) > limits.representations) {
            throw limitExceeded('representations', limits.representations);
          }
        },
      };
    },
  };
}
