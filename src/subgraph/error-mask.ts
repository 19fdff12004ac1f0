import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import type { Logger } from '../telemetry/logger';
import { maxErrors } from './error-budget';
import { errorsOmitted, serviceUnavailable } from './errors';
import { causeOf, safeErrorOf, safeExpected } from './safe-message';

/** Options of an Apollo Server that keep values and internals out of responses and logs. */
export interface ErrorMask<Context extends BaseContext> {
  readonly formatError: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
  readonly plugin: ApolloServerPlugin<Context>;
}

export interface ErrorMaskOptions<Context> {
  readonly logger: Logger;
  readonly requestId: (context: Context) => string;
  /** Returns the id of the request's trace, for the log. Defaults to none. */
  readonly traceId?: (context: Context) => string | undefined;
  /** Returns how many errors of the request were not built. Defaults to none. */
  readonly omittedErrors?: (context: Context) => number;
  /** True if the response is no longer awaited. Its errors are not logged. */
  readonly isAbandoned?: (context: Context) => boolean;
  /** True for errors that mean a backing service is unavailable. */
  readonly isUnavailable: (error: unknown) => boolean;
}

/**
 * Creates the mask.
 *
 * Errors caused by the caller keep their code and get a message without values. An unavailable backing service becomes
 * `SERVICE_UNAVAILABLE` (HTTP 503). Everything else becomes `INTERNAL_SERVER_ERROR` with the request id, and is logged
 * through a logger that redacts (`createLogger`).
 */
export function createErrorMask<Context extends BaseContext>(
  options: ErrorMaskOptions<Context>,
): ErrorMask<Context> {
  // formatError does not receive the request. Apollo passes the same error objects to the plugin first.
  const requestIds = new WeakMap<object, string>();
  const { logger } = options;
  const isUnavailable = (error: unknown) => options.isUnavailable(causeOf(error));

  function formatError({ locations, path }: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
    const place = { ...(locations && { locations }), ...(path && { path }) };
    const seen = isUnavailable(error) ? safeExpected(serviceUnavailable()) : safeErrorOf(error);
    if (seen) return { ...seen, ...place };
    const requestId = requestIds.get(error as object);
    const hint = requestId ? ` Quote the request id ${requestId} when you report it.` : '';
    return {
      message: `Internal server error.${hint}`,
      ...place,
      extensions: { code: 'INTERNAL_SERVER_ERROR', ...(requestId && { requestId }) },
    };
  }

  const isFault = (error: unknown) => isUnavailable(error) || safeErrorOf(error) === null;

  const plugin: ApolloServerPlugin<Context> = {
    async contextCreationDidFail({ error }) {
      if (isFault(error)) logger.error({ err: causeOf(error) }, 'creating the context of a request failed');
    },
    async unexpectedErrorProcessingRequest({ error }) {
      logger.error({ err: causeOf(error) }, 'a request failed outside its operation');
    },
    async requestDidStart() {
      return {
        async didEncounterErrors({ contextValue, errors, operationName }) {
          omitErrors(errors, options.omittedErrors?.(contextValue) ?? 0);
          if (options.isAbandoned?.(contextValue)) return;
          const requestId = options.requestId(contextValue);
          for (const error of errors) {
            requestIds.set(error, requestId);
            if (!isFault(error)) continue;
            const path = error.path?.join('.');
            const traceId = options.traceId?.(contextValue);
            const line = {
              requestId,
              ...(traceId && { trace_id: traceId }),
              operation: operationName,
              path,
              err: causeOf(error),
            };
            if (isUnavailable(error)) logger.warn(line, 'a backing service is unavailable');
            else logger.error(line, 'an operation failed');
          }
        },
        async willSendResponse({ response }) {
          if (response.body.kind !== 'single') return;
          const { errors } = response.body.singleResult;
          if (errors?.some(({ extensions }) => extensions?.code === 'SERVICE_UNAVAILABLE'))
            response.http.status = 503;
        },
      };
    },
  };

  return { formatError, plugin };
}

/** Cuts the errors of a response, in place, before Apollo Server formats each of them. */
function omitErrors(errors: readonly GraphQLError[], notBuilt: number): void {
  const omitted = Math.max(errors.length - maxErrors, 0) + notBuilt;
  if (omitted > 0) (errors as GraphQLError[]).splice(maxErrors, Infinity, errorsOmitted(omitted));
}
