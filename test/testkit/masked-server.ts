import { ApolloServer, HeaderMap } from '@apollo/server';
import { buildSchema, type GraphQLScalarType, type GraphQLSchema } from 'graphql';
import { GraphQLDateTimeISO } from 'graphql-scalars';
import pino from 'pino';
import { isDatabaseUnavailable } from '../../src/postgres/database-unavailable';
import { createErrorMask } from '../../src/subgraph/error-mask';
import { badUserInput } from '../../src/subgraph/errors';
import { createOperationLimitsCheck, limitOptions } from '../../src/subgraph/limits';
import { createLogger } from '../../src/telemetry/logger';

/** A value that must not appear in any response or log line. */
export const secretValue = 'ada@example.com';

function schemaThatThrows(thrown: { error: unknown }): GraphQLSchema {
  const schema = buildSchema(/* GraphQL */ `
    scalar DateTime
    scalar Strict
    enum Color { RED }
    input Address { city: String!, zip: Int }
    input Profile { email: Int, born: DateTime, strict: Strict, color: Color, addresses: [Address!] }
    type Query { fail: String, failHard: String!, echo(profile: Profile, born: DateTime, strict: Strict, first: Int!, color: Color): String }
  `);
  const scalar = (name: string, config: Partial<GraphQLScalarType>) =>
    Object.assign(schema.getType(name) as GraphQLScalarType, config);
  scalar('DateTime', {
    parseValue: GraphQLDateTimeISO.parseValue,
    parseLiteral: GraphQLDateTimeISO.parseLiteral,
  });
  const refuse = () => {
    throw badUserInput('Strict values are never right.');
  };
  scalar('Strict', { parseValue: refuse, parseLiteral: refuse });
  for (const field of Object.values(schema.getQueryType()?.getFields() ?? {})) {
    field.resolve = () => {
      throw thrown.error;
    };
  }
  return schema;
}

/** An Apollo Server with the error mask. `ask` asserts that no response or log line contains the secret. */
export function buildMaskedServer() {
  const thrown: { error: unknown } = { error: undefined };
  const lines: string[] = [];
  const schema = schemaThatThrows(thrown);
  const mask = createErrorMask<{ requestId: string }>({
    logger: createLogger({
      level: 'info',
      destination: { write: (line) => lines.push(line) },
      readable: false,
    }),
    requestId: ({ requestId }) => requestId,
    traceId: ({ requestId }) => `trace of ${requestId}`,
    isUnavailable: isDatabaseUnavailable,
  });
  const maxima = { aliases: 50, depth: 12, tokens: 100, representations: 10, cost: 100 };
  const limits = limitOptions(maxima, createOperationLimitsCheck(schema, maxima));
  const server = new ApolloServer<{ requestId: string }>({
    schema,
    formatError: mask.formatError,
    parseOptions: limits.parseOptions,
    validationRules: limits.validationRules,
    plugins: [...limits.plugins, mask.plugin],
    persistedQueries: false,
    includeStacktraceInErrorResponses: true,
    logger: pino({ level: 'silent' }),
  });
  async function ask(
    query: string,
    variables?: Record<string, unknown>,
    error?: unknown,
    operationName?: string,
  ) {
    thrown.error = error;
    const response = await server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: 'POST',
        headers: new HeaderMap([['content-type', 'application/json']]),
        search: '',
        body: { query, ...(variables && { variables }), ...(operationName && { operationName }) },
      },
      context: async () => ({ requestId: 'request-7' }),
    });
    const text = response.body.kind === 'complete' ? response.body.string : '';
    expect(text).not.toContain(secretValue);
    expect(text).not.toContain('stacktrace');
    expect(lines.join('')).not.toContain(secretValue);
    const { errors, data } = JSON.parse(text);
    return { status: response.status ?? 200, errors, data, first: errors?.[0], lines };
  }
  return { ask, server, lines };
}
