import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import { unifiedGraphHandler } from '@graphql-hive/router-runtime';
import httpTransport from '@graphql-mesh/transport-http';
import Fastify, { type FastifyInstance } from 'fastify';
import { addExplorerRoute } from '../src/explorer/explorer';
import {
  addDevelopmentTokensRoute,
  type DevelopmentTokenRequest,
} from '../src/http/development-tokens.route';
import { gatewayExamples } from './gateway-examples';

/**
 * Returns Hive's gateway with the query planner of its Rust router.
 *
 * @param headers sent to every subgraph, in addition to the client's `Authorization`
 */
export function createHiveGateway(supergraphSdl: string, headers: Readonly<Record<string, string>>) {
  return createGatewayRuntime({
    supergraph: supergraphSdl,
    unifiedGraphHandler,
    transports: { http: httpTransport },
    propagateHeaders: {
      fromClientToSubgraphs({ request }) {
        const authorization = request.headers.get('authorization');
        return { ...headers, ...(authorization && { authorization }) };
      },
    },
    logging: false,
    // The subgraphs mask their own errors.
    maskedErrors: false,
  });
}

export interface GatewayOptions {
  readonly supergraphSdl: string;
  /** Proves to the User Service that the gateway sent a request. */
  readonly routerSecret: string;
  readonly host: string;
  readonly port: number;
  /** Issues tokens to the explorer. Null: it has no buttons for them. */
  readonly issueToken: ((request: DevelopmentTokenRequest) => Promise<string>) | null;
}

/** Serves the supergraph at `POST /graphql` and an explorer at `GET /` until `stop` is called. */
export async function startGateway({
  supergraphSdl,
  routerSecret,
  host,
  port,
  issueToken,
}: GatewayOptions): Promise<{ url: string; stop(): Promise<void> }> {
  const gateway = createHiveGateway(supergraphSdl, { 'router-authorization': routerSecret });
  const app = Fastify({ forceCloseConnections: true });
  app.post('/graphql', async ({ body, headers }, reply) => {
    const { authorization } = headers;
    const response = await gateway.fetch('http://gateway/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      body: JSON.stringify(body),
    });
    void reply.code(response.status).type(response.headers.get('content-type') ?? 'application/json');
    return reply.send(await response.text());
  });
  // Fastify's type with the default logger differs from the one that the routes accept.
  const routes = app as unknown as FastifyInstance;
  addExplorerRoute(routes, {
    asksForRouterProof: false,
    issuesTokens: issueToken !== null,
    title: 'Supergraph',
    groups: gatewayExamples,
  });
  if (issueToken) addDevelopmentTokensRoute(routes, issueToken);
  const stop = async () => {
    await app.close();
    await gateway[Symbol.asyncDispose]();
  };
  try {
    return { url: await app.listen({ host, port }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
