import { ApolloServer, type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import Fastify from 'fastify';
import type { GraphQLSchema } from 'graphql';
import pino from 'pino';

export interface SubgraphServerOptions {
  /** Defaults to 127.0.0.1. */
  readonly host?: string;
  /** Defaults to a free port. */
  readonly port?: number;
  readonly plugins?: readonly ApolloServerPlugin[];
  readonly contextValue?: BaseContext;
}

/** A subgraph that responds to `POST /graphql`. */
export interface SubgraphServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves a subgraph schema over HTTP until `stop` is called. */
export async function startSubgraphServer(
  schema: GraphQLSchema,
  { host = '127.0.0.1', port = 0, plugins = [], contextValue = {} }: SubgraphServerOptions = {},
): Promise<SubgraphServer> {
  const apollo = new ApolloServer({ schema, logger: pino({ level: 'silent' }), plugins: [...plugins] });
  await apollo.start();
  const app = Fastify({ forceCloseConnections: true });
  app.post('/graphql', fastifyApolloHandler(apollo, { context: async () => ({ ...contextValue }) }));
  const url = await app.listen({ host, port });
  return {
    url: `${url}/graphql`,
    async stop() {
      await app.close();
      await apollo.stop();
    },
  };
}
