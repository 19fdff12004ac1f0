import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import type { Logger } from '../telemetry/logger';
import { ExpectedError, introspectionTooDeep, limitExceeded, serviceUnavailable } from './errors';
import {
  type SafeMessage,
  safeArgumentMessage,
  safeLiteralMessage,
  safeSyntaxMessage,
  safeVariableMessage,
} from './safe-message';

/** The `formatError` and the plugin of an Apollo Server whose answers and logs give nothing away. */
export interface ErrorMask<Context extends BaseContext> {
  readonly formatError: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
  readonly plugin: ApolloServerPlugin<Context>;
}

export interface ErrorMaskOptions<Context> {
  readonly schema: GraphQLSchema;
  readonly logger: Logger;
  readonly requestId: (context: Context) => string;
  /** True for errors of a backing service that is away, which are `SERVICE_UNAVAILABLE`. */
  readonly isUnavailable: (error: unknown) => boolean;
}

// Callers' mistakes, told by others' code: GraphQL's own messages name elements of the schema, not values.
const passedCodes = new Set([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'BAD_USER_INPUT',
  'LIMIT_EXCEEDED',
  'SERVICE_UNAVAILABLE',
  'BAD_REQUEST',
  'GRAPHQL_VALIDATION_FAILED',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

/**
 * Lets expected errors through, turns a backing service's absence into `SERVICE_UNAVAILABLE` (HTTP 503), and masks
 * everything else as `INTERNAL_SERVER_ERROR` with the request's id. No answer repeats a value that was sent, and
 * masked errors are logged through a logger that redacts (`createLogger`).
 */
export function createErrorMask<Context extends BaseContext>(
  options: ErrorMaskOptions<Context>,
): ErrorMask<Context> {
  // formatError is not told the request. Apollo hands the plugin the very same error objects first.
  const requestIds = new WeakMap<object, string>();
  const { logger, isUnavailable } = options;
  const unavailable = (error: unknown) => isUnavailable(causeOf(error));

  function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
    const { locations, path } = formatted;
    const place = { ...(locations && { locations }), ...(path && { path }) };
    const seen = viewOf(formatted, error);
    if (seen) return { ...seen, ...place };
    const requestId = requestIds.get(error as object);
    return {
      message: requestId
        ? `Something went wrong on our side. Quote the request id ${requestId} when you report it.`
        : 'Something went wrong on our side.',
      ...place,
      extensions: { code: 'INTERNAL_SERVER_ERROR', ...(requestId && { requestId }) },
    };
  }

  const plugin: ApolloServerPlugin<Context> = {
    async contextCreationDidFail({ error }) {
      if (!isExpected(error)) {
        logger.error({ err: causeOf(error) }, 'A request failed before it had a context');
      }
    },
    async unexpectedErrorProcessingRequest({ error }) {
      logger.error({ err: causeOf(error) }, 'A request failed outside its operation');
    },
    async requestDidStart() {
      return {
        async didEncounterErrors({ contextValue, errors, operationName }) {
          const requestId = options.requestId(contextValue);
          for (const error of errors) {
            requestIds.set(error, requestId);
            if (isExpected(error)) continue;
            const line = {
              requestId,
              operation: operationName,
              path: error.path?.join('.'),
              err: causeOf(error),
            };
            if (unavailable(error)) {
              logger.warn(line, 'A backing service could not be asked');
            } else logger.error(line, 'An operation failed unexpectedly');
          }
        },
        async willSendResponse({ response }) {
          if (response.body.kind !== 'single') return;
          const { errors } = response.body.singleResult;
          if (errors?.some(({ extensions }) => extensions?.code === 'SERVICE_UNAVAILABLE')) {
            response.http.status = 503;
          }
        },
      };
    },
  };

  function isExpected(error: unknown): boolean {
    const code = error instanceof GraphQLError ? error.extensions.code : undefined;
    const formatted = { message: (error as Error).message, extensions: { code } };
    const seen = viewOf(formatted, error);
    return seen !== null && !unavailable(error);
  }

  /** What the caller may see of an error, or null when that is nothing. */
  function viewOf(formatted: GraphQLFormattedError, error: unknown): View | null {
    const code = String(formatted.extensions?.code);
    if (error instanceof GraphQLError) {
      const variable = safeVariableMessage(options.schema, error);
      if (variable) return viewOfSafe(variable);
    }
    const expected = expectedErrorIn(error);
    if (expected) return viewOfExpected(expected);
    if (unavailable(error)) return viewOfExpected(serviceUnavailable());
    if (code === 'GRAPHQL_PARSE_FAILED') return viewOfSyntaxError(formatted.message);
    // The rule of graphql-js against lists within lists of the schema.
    if (formatted.message === 'Maximum introspection depth exceeded')
      return viewOfExpected(introspectionTooDeep());
    if (code === 'GRAPHQL_VALIDATION_FAILED' && error instanceof GraphQLError) {
      const literal = safeLiteralMessage(error);
      if (literal) return viewOfSafe(literal);
    }
    if (code === 'OPERATION_RESOLUTION_FAILURE') {
      const message = formatted.message.replace(/^Unknown operation named .*/s, 'Unknown operation.');
      return { message, extensions: { code } };
    }
    if (passedCodes.has(code)) return { message: formatted.message, extensions: { code } };
    // graphql-js finds out only when it executes: no rule of validation asks for the root type.
    if (/^Schema is not configured to execute \w+ operation\.$/.test(formatted.message))
      return { message: formatted.message, extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } };
    const argument = safeArgumentMessage(formatted.message);
    return argument && viewOfSafe(argument);
  }

  return { formatError, plugin };
}

interface View {
  readonly message: string;
  readonly extensions: Record<string, unknown>;
}

function viewOfSafe({ message, badValue }: SafeMessage): View {
  return { message, extensions: { code: badValue ? 'BAD_USER_INPUT' : 'GRAPHQL_VALIDATION_FAILED' } };
}

function viewOfExpected(error: ExpectedError): View {
  const { http: _http, ...extensions } = error.extensions;
  return { message: error.message, extensions };
}

function viewOfSyntaxError(message: string): View {
  const maxTokens = /Document contains more tha[nt] (\d+) tokens/.exec(message)?.[1];
  if (maxTokens) return viewOfExpected(limitExceeded('tokens', Number(maxTokens)));
  return { message: safeSyntaxMessage(message), extensions: { code: 'GRAPHQL_PARSE_FAILED' } };
}

/** The error written for callers, which Apollo and graphql-js may have wrapped. */
function expectedErrorIn(error: unknown): ExpectedError | null {
  let layer = error;
  for (let depth = 0; depth < 4 && layer instanceof GraphQLError; depth += 1) {
    if (layer instanceof ExpectedError) return layer;
    layer = layer.originalError;
  }
  return null;
}

/** What was thrown in the first place, without GraphQL's wrapping. */
function causeOf(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError;
  return cause;
}
