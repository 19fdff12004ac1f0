import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { type DocumentNode, GraphQLError, type ParseOptions, type ValidationRule } from 'graphql';
import { introspectionTooDeep, limitExceeded } from './errors';
import { countRepresentations, findCircularSpread, measureOperations } from './operation-size';

/** What one operation may cost at most; each is a setting (`LIMIT_ALIASES` and so on). */
export interface Limits {
  /** Aliases in one operation, fragments expanded. */
  readonly aliases: number;
  /** Levels of nested fields, fragments expanded; introspection is exempt. */
  readonly depth: number;
  /** Lexical tokens in one document. */
  readonly tokens: number;
  /** Representations that one operation hands to `_entities`. */
  readonly representations: number;
}

/** The options of an Apollo Server that enforce the limits, each at the first moment it can be known. */
export interface LimitOptions {
  readonly parseOptions: ParseOptions;
  readonly validationRules: ValidationRule[];
  readonly plugins: ApolloServerPlugin<BaseContext>[];
}

/**
 * Makes an Apollo Server refuse operations over the limits with `LIMIT_EXCEEDED` before any resolver runs: tokens
 * while parsing, aliases and depth in validation, representations before variables are coerced. Needs the
 * server's `formatError` from `createErrorMask`, which gives these errors back their code.
 */
export function limitOptions(limits: Limits): LimitOptions {
  return {
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [sizeRule(limits)],
    plugins: [representationsPlugin(limits)],
  };
}

/** One more than the introspection query of graphql-js, which all tools send, has. */
const maxIntrospectionDepth = 16;

function sizeRule(limits: Limits): ValidationRule {
  return (context) => ({
    Document(document) {
      const refusals = refusalsOf(document, limits);
      for (const refusal of refusals) context.reportError(refusal);
      // Other rules take quadratic time, or all of the stack, for what is refused already: leave them nothing.
      if (refusals.length > 0) Object.assign(document, { definitions: [] });
    },
  });
}

function refusalsOf(document: DocumentNode, limits: Limits): GraphQLError[] {
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
