import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import type { GraphQLSchema } from 'graphql';
import pino from 'pino';

/** A subgraph on a free port of the loopback address. */
export interface RunningSubgraph {
  readonly url: string;
  /** The received operations in order, with their variables. */
  readonly operations: { readonly query: string; readonly variables: Record<string, unknown> }[];
  stop(): Promise<void>;
}

/** Serves a subgraph schema over HTTP until `stop` is called. */
export async function startSubgraph(
  schema: GraphQLSchema,
  contextValue: Record<string, unknown> = {},
): Promise<RunningSubgraph> {
  const operations: RunningSubgraph['operations'] = [];
  const server = new ApolloServer({
    schema,
    logger: pino({ level: 'silent' }),
    plugins: [
      {
        async requestDidStart({ request }) {
          operations.push({ query: request.query ?? '', variables: request.variables ?? {} });
        },
      },
    ],
  });
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: async () => ({ ...contextValue }),
  });
  return { url, operations, stop: () => server.stop() };
}
