import { GraphQLError, Kind } from 'graphql';
import { ExpectedError, introspectionTooDeep, limitExceeded } from './errors';

/** What a caller sees of an error. */
export interface SafeError {
  readonly message: string;
  readonly extensions: Readonly<Record<string, unknown>>;
}

// Reasons of graphql-js that name a field or type and quote no value.
const valueReason =
  /^(?:Field "[\w.]{1,100}" (?:of required type "[^"]+" was not provided|is not defined by type "\w+")|Expected (?:non-nullable type "[^"]+" not to be null|type "\w+" to be an object))\./;
const variableReason =
  /^Variable "\$\w{1,100}" of (?:required|non-null) type "[^"]+" (?:was not provided|must not be null)\.$/;
const builtInReason =
  /^(?:(?:Int|Float|String|Boolean|ID|Enum "\w+") cannot represent|Value "\w+" does not exist|Expected value of type ")/;

/** Kinds of nodes that are values, or a field of an object value. */
const valueKind = /Value$|^ObjectField$/;

/**
 * Returns what the caller may see of an error, or null if the service is at fault.
 *
 * The message names the place of the error. It may repeat GraphQL names such as fields and variables, but no values.
 */
export function safeErrorOf(error: unknown): SafeError | null {
  if (!(error instanceof GraphQLError)) return null;
  const cause = causeOf(error);
  const { code } = error.extensions;
  const isAboutVariable =
    error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION && error.message.startsWith('Variable "$');
  // Validation has not read the values of variables yet.
  if (isAboutVariable && code !== 'GRAPHQL_VALIDATION_FAILED')
    return safe('BAD_USER_INPUT', variableMessage(error, cause));
  if (cause instanceof ExpectedError) return safeExpected(cause);
  switch (code) {
    case 'GRAPHQL_PARSE_FAILED': {
      const maxTokens = /Document contains more tha[nt] (\d+) tokens/.exec(error.message)?.[1];
      if (maxTokens) return safeExpected(limitExceeded('tokens', Number(maxTokens)));
      return safe(code, `Syntax error${placeOf(error)}.`);
    }
    case 'GRAPHQL_VALIDATION_FAILED':
      return safeValidationError(error, cause);
    case 'OPERATION_RESOLUTION_FAILURE':
      return safe(code, 'The operation name is missing or unknown.');
    case 'BAD_REQUEST':
    case 'PERSISTED_QUERY_NOT_FOUND':
    case 'PERSISTED_QUERY_NOT_SUPPORTED':
      return safe(code, error.message);
    default:
      return cause instanceof GraphQLError ? safeExecutionError(cause.message) : null;
  }
}

/** Returns what the caller sees of an error that was written for them. */
export function safeExpected({
  message,
  extensions: { http: _http, ...extensions },
}: ExpectedError): SafeError {
  return { message, extensions };
}

/** Returns the error that was thrown first, without the GraphQL errors around it. */
export function causeOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? causeOf(error.originalError) : error;
}

function safe(code: string, message: string): SafeError {
  return { message: shortened(message), extensions: { code } };
}

const maxNameLength = 50;
/** Characters of all names in a message together. */
const maxRepeated = 100;
const maxMessageLength = 300;
const suggestions = ' Did you mean ';

/** Returns a message in which names, which come from the document, are cut. Suggestions come from the schema. */
function shortened(message: string): string {
  const [about = '', ...suggested] = message.split(suggestions);
  let left = maxRepeated;
  const short = about.replace(/(?<=")[^\s"]+(?=")|[^\s"]{51,}/g, (name) => {
    const most = Math.min(maxNameLength, left);
    const shown = name.length > most ? `${name.slice(0, Math.max(0, most - 1))}…` : name;
    left = Math.max(0, left - shown.length);
    return shown;
  });
  const whole = [short, ...suggested].join(suggestions);
  return whole.length > maxMessageLength ? `${whole.slice(0, maxMessageLength - 1)}…` : whole;
}

function safeValidationError(error: GraphQLError, cause: unknown): SafeError {
  const code = 'GRAPHQL_VALIDATION_FAILED';
  const { message, nodes } = error;
  if (message === 'Maximum introspection depth exceeded') return safeExpected(introspectionTooDeep());
  const kind = nodes?.[0]?.kind;
  const isAboutDocument = kind
    ? !valueKind.test(kind)
    : error.extensions.validationErrorCode !== undefined ||
      /^(Too many validation errors|Validation aborted)/.test(message);
  if (isAboutDocument) return safe(code, message);
  const reason = valueReason.exec(message)?.[0];
  if (reason) return safe(code, reason);
  const isBuiltIn = cause instanceof GraphQLError && builtInReason.test(message);
  return safe(isBuiltIn ? code : 'BAD_USER_INPUT', `Invalid value${placeOf(error)}.`);
}

function variableMessage({ message, originalError }: GraphQLError, cause: unknown): string {
  if (variableReason.test(message)) return message;
  const name = /^Variable "\$(\w+)"/.exec(message)?.[1];
  const detail = originalError?.message ?? '';
  // The path ends the text before the detail. Further left, the same text could be part of the value.
  const beforeDetail = message.slice(0, -`; ${detail}`.length);
  const path = / at "([\w.[\]]+)"$/.exec(beforeDetail)?.[1] ?? name;
  const reason = cause instanceof ExpectedError ? detail : valueReason.exec(detail)?.[0];
  return `Variable "$${name}" has an invalid value at "${path}".${reason ? ` ${reason}` : ''}`;
}

// graphql-js finds these errors only while executing, and gives them no code.
function safeExecutionError(message: string): SafeError | null {
  if (/^Schema is not configured to execute \w+ operation\.$/.test(message))
    return safe('GRAPHQL_VALIDATION_FAILED', message);
  if (message.startsWith('Too many errors processing variables'))
    return safe('BAD_USER_INPUT', 'The variables have too many invalid values.');
  const argument = /^Argument "(\w+)" (?:of (?:required|non-null) type "|has invalid value )/.exec(
    message,
  )?.[1];
  return argument ? safe('BAD_USER_INPUT', `Argument "${argument}" has a missing or invalid value.`) : null;
}

function placeOf({ locations }: GraphQLError): string {
  const [first] = locations ?? [];
  return first ? ` at line ${first.line}, column ${first.column}` : '';
}
