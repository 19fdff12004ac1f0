import { GraphQLError, type GraphQLErrorOptions } from 'graphql';

/** Values of `extensions.code`, next to GraphQL's own codes for malformed operations. */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'BAD_USER_INPUT'
  | 'LIMIT_EXCEEDED'
  | 'ERRORS_OMITTED'
  | 'SERVICE_UNAVAILABLE'
  | 'INTERNAL_SERVER_ERROR';

/** Names of the limits of an operation. Each is set by `LIMIT_…`, such as `LIMIT_ALIASES`. */
export type LimitName = 'aliases' | 'depth' | 'tokens' | 'representations';

/**
 * A GraphQL error whose message reaches the caller unmasked. The message must contain no input values, rows or SQL.
 */
export class ExpectedError extends GraphQLError {
  constructor(code: ErrorCode, message: string, options: GraphQLErrorOptions = {}) {
    super(message, { ...options, extensions: { ...options.extensions, code } });
    this.name = 'ExpectedError';
  }
}

/** A required access token is missing or invalid (HTTP 401). */
export function unauthenticated(message = 'A valid access token is required.'): ExpectedError {
  return new ExpectedError('UNAUTHENTICATED', message, { extensions: { http: { status: 401 } } });
}

/** The actor lacks permission for `what`, a phrase such as "read the audit trail". `reason` is for programs. */
export function forbidden(what: string, reason?: string): ExpectedError {
  return new ExpectedError('FORBIDDEN', `You may not ${what}.`, {
    extensions: reason === undefined ? {} : { reason },
  });
}

/** The input is invalid. `message` says why, without repeating it. */
export function badUserInput(message: string): ExpectedError {
  return new ExpectedError('BAD_USER_INPUT', message);
}

/** A required backing service is unavailable (HTTP 503). The caller may retry. */
export function serviceUnavailable(): ExpectedError {
  return new ExpectedError(
    'SERVICE_UNAVAILABLE',
    'The service is temporarily unavailable. Please try again.',
    {
      extensions: { http: { status: 503 } },
    },
  );
}

const exceeded: Record<LimitName, (maximum: number) => string> = {
  aliases: (maximum) => `The operation has more than ${maximum} aliases`,
  depth: (maximum) => `The operation is nested more than ${maximum} levels deep`,
  tokens: (maximum) => `The document has more than ${maximum} tokens`,
  representations: (maximum) => `The operation has more than ${maximum} representations`,
};

/** The operation exceeds a limit (HTTP 400). The error names the limit, its value and its setting. */
export function limitExceeded(
  limit: LimitName,
  maximum: number,
  options: Pick<GraphQLErrorOptions, 'nodes'> = {},
): ExpectedError {
  const message = `${exceeded[limit](maximum)}, the limit set by LIMIT_${limit.toUpperCase()}.`;
  return new ExpectedError('LIMIT_EXCEEDED', message, {
    ...options,
    extensions: { limit, maximum, http: { status: 400 } },
  });
}

/** The operation may return too many objects (HTTP 400). `pageSize` is the largest that would be accepted, 0 if none. */
export function costExceeded(maximum: number, cost: number, pageSize: number): ExpectedError {
  const advice =
    pageSize > 0
      ? `With page sizes of at most ${pageSize} it would be accepted.`
      : 'Select fewer fields, or split the operation.';
  return new ExpectedError(
    'LIMIT_EXCEEDED',
    `The operation has a cost of ${cost}, more than ${maximum}, the limit set by LIMIT_COST. ${advice}`,
    { extensions: { limit: 'cost', maximum, cost, http: { status: 400 } } },
  );
}

/** The operation has a root field more than once that may occur only once (HTTP 400). */
export function repeatedField(field: string): ExpectedError {
  return new ExpectedError('LIMIT_EXCEEDED', `An operation may contain ${field} only once.`, {
    extensions: { limit: field, maximum: 1, http: { status: 400 } },
  });
}

/** A person tried too many new e-mail addresses within an hour. */
export function addressChangesExceeded(maximum: number): ExpectedError {
  return new ExpectedError('LIMIT_EXCEEDED', `You may try at most ${maximum} new e-mail addresses an hour.`, {
    extensions: { limit: 'addressChanges', maximum },
  });
}

/** Stands for the errors beyond the maximum of one response. */
export function errorsOmitted(count: number): ExpectedError {
  return new ExpectedError('ERRORS_OMITTED', `${count} more errors were omitted.`, {
    extensions: { omitted: count },
  });
}

/** The introspection query is nested too deeply (HTTP 400). Its limit is not a setting. */
export function introspectionTooDeep(options: Pick<GraphQLErrorOptions, 'nodes'> = {}): ExpectedError {
  return new ExpectedError('LIMIT_EXCEEDED', 'The introspection query is nested too deeply.', {
    ...options,
    extensions: { limit: 'depth', http: { status: 400 } },
  });
}
