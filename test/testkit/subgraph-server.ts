import type { GraphQLSchema } from 'graphql';
import { type SubgraphServer, startSubgraphServer } from '../../supergraph/subgraph-server';

/** A subgraph on a free port of the loopback address. */
export interface RunningSubgraph extends SubgraphServer {
  /** The received operations in order, with their variables. */
  readonly operations: { readonly query: string; readonly variables: Record<string, unknown> }[];
}

/** Serves a subgraph schema over HTTP until `stop` is called. */
export async function startSubgraph(
  schema: GraphQLSchema,
  contextValue: Record<string, unknown> = {},
): Promise<RunningSubgraph> {
  const operations: RunningSubgraph['operations'] = [];
  const recording = {
    async requestDidStart({ request }: { request: { query?: string; variables?: Record<string, unknown> } }) {
      operations.push({ query: request.query ?? '', variables: request.variables ?? {} });
    },
  };
  return { ...(await startSubgraphServer(schema, { contextValue, plugins: [recording] })), operations };
}
