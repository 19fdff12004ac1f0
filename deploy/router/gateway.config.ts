// Hive Gateway: npx @graphql-hive/gateway supergraph --config-path deploy/router/gateway.config.ts
// A type only: the config needs no package besides the gateway.
import type { GatewayConfig, GatewayPlugin } from '@graphql-hive/gateway-runtime';

/** Options of the command, which its runtime does not have. */
interface CommandOptions {
  port: number;
  maxTokens: number;
  maxDepth: number;
}

/** ROUTER_SECRET must be one of the service's secrets. */
const { ROUTER_SECRET, SUPERGRAPH = 'deploy/router/supergraph.graphql' } = process.env;
if (!ROUTER_SECRET) throw new Error('ROUTER_SECRET is not set');

export const gatewayConfig = {
  supergraph: SUPERGRAPH,
  port: 4000,
  maxTokens: 4000,
  maxDepth: 12,
  demandControl: { maxCost: 20_000, listSize: 5, includeExtensionMetadata: false },
  // The service responds within four seconds.
  upstreamTimeout: 5_000,
  propagateHeaders: {
    fromClientToSubgraphs({ request, subgraphName }) {
      const authorization = request.headers.get('authorization');
      return {
        // The service refuses an empty header.
        ...(authorization && { authorization }),
        'x-request-id': request.headers.get('x-request-id') ?? '',
        // A client cannot prove itself as the router: only this value is sent, and only to the service.
        ...(subgraphName === 'users' && { 'router-authorization': ROUTER_SECRET }),
      };
    },
  },
  plugins: (): GatewayPlugin[] => [
    {
      // Errors of a request to a subgraph quote it: address, query and variables.
      onExecutionResult({ result }) {
        for (const { extensions } of (result && 'errors' in result && result.errors) || []) {
          delete extensions['request'];
          delete extensions['response'];
        }
      },
    },
  ],
} satisfies GatewayConfig & CommandOptions;
