import {
  type GraphQLError,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  Kind,
  typeFromAST,
} from 'graphql';
import { ExpectedError } from './errors';

// What graphql-js says about the shape of a value, in words that come from the schema or are GraphQL names.
const shapeMessages = [
  /^Field "[_A-Za-z][\w.]*" of required type "[^"]+" was not provided\./,
  /^Field "[_A-Za-z]\w*" is not defined by type "\w+"\./,
  /^Field "[_A-Za-z][\w.]*" must be non-null\./,
  /^Expected non-nullable type "[^"]+" not to be null\./,
  /^Expected type "\w+" to be an object\./,
  /^Exactly one key must be specified for OneOf type "\w+"\./,
  /^OneOf Input Object "\w+" must specify exactly one key\./,
];

const valueKinds: ReadonlySet<string> = new Set([
  Kind.STRING,
  Kind.INT,
  Kind.FLOAT,
  Kind.BOOLEAN,
  Kind.ENUM,
  Kind.NULL,
  Kind.LIST,
  Kind.OBJECT,
  Kind.OBJECT_FIELD,
]);

/** A message that repeats nothing of what was sent, and whether the value (not the operation) was at fault. */
export interface SafeMessage {
  readonly message: string;
  readonly badValue: boolean;
}

/** Says which variable is wrong, where in it, and which type belongs there. Null: not about a variable's value. */
export function safeVariableMessage(schema: GraphQLSchema, error: GraphQLError): SafeMessage | null {
  if (error.message.startsWith('Too many errors processing variables')) {
    return { message: 'Too many of the variables have invalid values.', badValue: true };
  }
  const definition = error.nodes?.[0];
  if (definition?.kind !== Kind.VARIABLE_DEFINITION) return null;
  const name = definition.variable.name.value;
  if (!error.message.startsWith(`Variable "$${name}" got invalid value`)) return null;

  const detail = error.originalError?.message ?? '';
  const prefix = error.message.slice(0, error.message.length - `; ${detail}`.length);
  // Anchored at the end: only there can the text not be part of the value, whose quotes are escaped.
  const path = / at "([\w.[\]]+)"$/.exec(prefix)?.[1] ?? name;
  const message = `Variable "$${name}" got an invalid value at "${path}"; `;
  if (error.originalError instanceof ExpectedError) return { message: message + detail, badValue: true };
  const shape = shapeMessage(detail);
  if (shape) return { message: message + shape, badValue: true };
  const type = typeAt(schema, definition.type, path);
  return { message: `${message}expected ${type ? `type "${type}"` : 'another type'}.`, badValue: true };
}

/** Says the same of a literal in the document. Null: the validation error is not about a value. */
export function safeLiteralMessage(error: GraphQLError): SafeMessage | null {
  const kind = error.nodes?.[0]?.kind;
  if (kind ? !valueKinds.has(kind) : isAboutTheDocument(error)) return null;
  const shape = shapeMessage(error.message);
  if (shape) return { message: shape, badValue: false };
  const byScalar = /^Expected value of type "([^"]+)", found .*; /s.exec(error.message)?.[1];
  if (byScalar && error.originalError?.name !== 'GraphQLError') {
    return { message: `Expected a valid value of type "${byScalar}".`, badValue: true };
  }
  const type =
    /^Expected value of type "([^"]+)", found /.exec(error.message)?.[1] ??
    /^(Int|Float|String|Boolean|ID) cannot represent/.exec(error.message)?.[1] ??
    /^Enum "(\w+)" cannot represent/.exec(error.message)?.[1] ??
    /^Value "\w+" does not exist in "(\w+)" enum\./.exec(error.message)?.[1];
  return type
    ? { message: `Expected a value of type "${type}".`, badValue: false }
    : { message: 'A literal is not a valid value of the type expected there.', badValue: true };
}

/** Says which argument was wrong at run time, when its literal holds variables. Null: not about an argument. */
export function safeArgumentMessage(message: string): SafeMessage | null {
  const whole =
    /^Argument "\w+" of (required|non-null) type "[^"]+" (was not provided|must not be null)\.$/.exec(
      message,
    ) ??
    /^Argument "\w+" of required type "[^"]+" was provided the variable "\$\w+" which was not provided a runtime value\.$/.exec(
      message,
    );
  if (whole) return { message, badValue: true };
  const argument = /^Argument "(\w+)" has invalid value /.exec(message)?.[1];
  return argument ? { message: `Argument "${argument}" has an invalid value.`, badValue: true } : null;
}

/** A syntax error's message without the strings and numbers of the document. */
export function safeSyntaxMessage(message: string): string {
  return message.replace(/\b(String|BlockString|Int|Float) ".*"/s, '$1');
}

function isAboutTheDocument(error: GraphQLError): boolean {
  return (
    error.extensions.validationErrorCode !== undefined ||
    /^(Validation aborted\.|Too many validation errors)/.test(error.message)
  );
}

function shapeMessage(message: string): string | undefined {
  for (const pattern of shapeMessages) {
    const match = pattern.exec(message);
    if (match) return match[0];
  }
  return undefined;
}

function typeAt(
  schema: GraphQLSchema,
  variableType: Parameters<typeof typeFromAST>[1],
  path: string,
): string | undefined {
  let type = typeFromAST(schema, variableType);
  for (const step of path.split(/[.[\]]+/).slice(1)) {
    if (step === '') continue;
    const holder = getNullableType(type);
    if (isListType(holder) && /^\d+$/.test(step)) type = holder.ofType;
    else {
      const named = getNamedType(type);
      if (!isInputObjectType(named)) return undefined;
      type = named.getFields()[step]?.type;
    }
  }
  return type ? String(type) : undefined;
}
