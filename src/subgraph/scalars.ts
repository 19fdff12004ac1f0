import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime, GraphQLJSON } from 'graphql-scalars';

/** An RFC 3339 date and time with an offset, to the millisecond. */
export const DateTime = GraphQLDateTime;

export const Decimal = new GraphQLScalarType<string, string>({
  name: 'Decimal',
  description: 'Exact decimal number, as a string without trailing zeros: `"0.3"`, `"100"`.',
  serialize: (value) => String(value),
});

/** Any JSON value. */
export const Json = GraphQLJSON;
