import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';
import pino from 'pino';
import { createHiveGateway } from '../../supergraph/gateway';

export interface GatewayResponse {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLFormattedError[];
}

/** A request as a client sends it to a gateway. */
export interface GatewayRequest {
  readonly variables?: Record<string, unknown>;
  /** The bearer token, which the gateway forwards to every subgraph. */
  readonly token?: string;
}

/** A gateway in this process, in front of running subgraphs. */
export interface RunningGateway {
  ask(query: string, request?: GatewayRequest): Promise<GatewayResponse>;
  stop(): Promise<void>;
}

/** Headers that a gateway sends to every subgraph, in addition to the client's `Authorization`. */
export type GatewayHeaders = Readonly<Record<string, string>>;

const authorizationOf = (token: string | undefined) => (token ? { authorization: `Bearer ${token}` } : {});

/** Starts @apollo/gateway on a composed supergraph. */
export async function startApolloGateway(
  supergraphSdl: string,
  headers: GatewayHeaders = {},
): Promise<RunningGateway> {
  const logger = pino({ level: 'silent' });
  const gateway = new ApolloGateway({
    supergraphSdl,
    logger,
    buildService: ({ url }) =>
      new RemoteGraphQLDataSource<GatewayRequest>({
        ...(url && { url }),
        willSendRequest({ request, context }) {
          for (const [name, value] of Object.entries({ ...headers, ...authorizationOf(context.token) })) {
            request.http?.headers.set(name, value);
          }
        },
      }),
  });
  const server = new ApolloServer<GatewayRequest>({ gateway, logger });
  await server.start();
  return {
    async ask(query, request = {}) {
      const { body } = await server.executeOperation(
        { query, variables: request.variables ?? {} },
        { contextValue: request },
      );
      if (body.kind !== 'single') throw new Error('The gateway responded incrementally.');
      const { data, errors } = body.singleResult;
      // Serialized, as a client receives it.
      return JSON.parse(JSON.stringify({ data, errors })) as GatewayResponse;
    },
    stop: () => server.stop(),
  };
}

/** Starts Hive's gateway with the query planner of its Rust router on a composed supergraph. */
export function startHiveGateway(
  supergraphSdl: string,
  headers: GatewayHeaders = {},
): Promise<RunningGateway> {
  const gateway = createHiveGateway(supergraphSdl, headers);
  return Promise.resolve({
    async ask(query, { variables = {}, token } = {}) {
      const response = await gateway.fetch('http://gateway/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorizationOf(token) },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as GatewayResponse;
    },
    async stop() {
      await gateway[Symbol.asyncDispose]();
    },
  });
}
