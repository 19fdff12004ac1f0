import { GraphQLError, type GraphQLErrorOptions } from 'graphql';

/** The codes that callers meet in `extensions.code`, besides GraphQL's own for malformed operations. */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'BAD_USER_INPUT'
  | 'LIMIT_EXCEEDED'
  | 'SERVICE_UNAVAILABLE'
  | 'INTERNAL_SERVER_ERROR';

/** The limits of one operation, as they are called in errors; `LIMIT_…` is the setting's name. */
export type LimitName = 'aliases' | 'depth' | 'tokens' | 'representations';

/**
 * A GraphQL error whose message was written for the caller: it reaches them unmasked. Never put a value that
 * somebody sent, a row or a statement into the message.
 */
export class ExpectedError extends GraphQLError {
  constructor(code: ErrorCode, message: string, options: GraphQLErrorOptions = {}) {
    super(message, { ...options, extensions: { ...options.extensions, code } });
    this.name = 'ExpectedError';
  }
}

/** The request has no token where one is needed, or a bad one: HTTP 401. */
export function unauthenticated(message = 'This needs a valid access token.'): ExpectedError {
  return new ExpectedError('UNAUTHENTICATED', message, { extensions: { http: { status: 401 } } });
}

/** The actor is known and may not do or read `what` (a phrase such as "read the audit trail"). */
export function forbidden(what: string): ExpectedError {
  return new ExpectedError('FORBIDDEN', `You may not ${what}.`);
}

/** What was sent cannot be understood; `message` says why without repeating it. */
export function badUserInput(message: string): ExpectedError {
  return new ExpectedError('BAD_USER_INPUT', message);
}

/** A backing service that cannot be done without is away: HTTP 503, worth repeating. */
export function serviceUnavailable(): ExpectedError {
  return new ExpectedError('SERVICE_UNAVAILABLE', 'The service cannot answer just now. Please try again.', {
    extensions: { http: { status: 503 } },
  });
}

const exceeded: Record<LimitName, (maximum: number) => string> = {
  aliases: (maximum) => `The operation has more than ${maximum} aliases`,
  depth: (maximum) => `The operation is nested more than ${maximum} levels deep`,
  tokens: (maximum) => `The document has more than ${maximum} tokens`,
  representations: (maximum) => `The operation asks for more than ${maximum} representations`,
};

/** An operation is over a limit of this service: HTTP 400, naming the limit, its value and its setting. */
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

/** An introspection is deeper than tools need; it has a limit of its own, which is no setting: HTTP 400. */
export function introspectionTooDeep(options: Pick<GraphQLErrorOptions, 'nodes'> = {}): ExpectedError {
  return new ExpectedError('LIMIT_EXCEEDED', 'The introspection is nested deeper than tools need.', {
    ...options,
    extensions: { limit: 'depth', http: { status: 400 } },
  });
}
