import { GraphQLScalarType, Kind } from 'graphql';
import { GraphQLDateTime, GraphQLJSON } from 'graphql-scalars';
import { badUserInput } from './errors';

/** An RFC 3339 date and time with an offset, to the millisecond. */
export const DateTime = GraphQLDateTime;

export const Decimal = new GraphQLScalarType<string, string>({
  name: 'Decimal',
  description: 'Exact decimal number, as a string without trailing zeros: `"0.3"`, `"100"`.',
  serialize: (value) => String(value),
  parseValue: parseDecimal,
  parseLiteral: (node) =>
    parseDecimal(
      node.kind === Kind.STRING || node.kind === Kind.INT || node.kind === Kind.FLOAT ? node.value : null,
    ),
});

/** Accepts numbers, too, if JSON writes them in digits. */
function parseDecimal(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || text.length > 40 || !/^-?\d+(\.\d+)?$/.test(text))
    throw badUserInput('A Decimal must be a decimal number of at most 40 characters, as a string.');
  return text;
}

/** Any JSON value. */
export const Json = GraphQLJSON;
