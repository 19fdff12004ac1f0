import { GraphQLScalarType } from 'graphql';
import { GraphQLDateTime, GraphQLJSON } from 'graphql-scalars';

/** RFC 3339 date and time with its offset, to the millisecond. */
export const DateTime = GraphQLDateTime;

/** An exact decimal; never a floating-point number. */
export const Decimal = new GraphQLScalarType<string, string>({
  name: 'Decimal',
  description: 'An exact decimal as a string without trailing zeros: `"0.3"`, `"100"`.',
  serialize: (value) => String(value),
});

/** Any JSON value. */
export const Json = GraphQLJSON;
