import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import type { GraphqlOutcome, Metrics } from '../telemetry/metrics';
import type { GraphqlContext } from './context';

/** Counts and times operations by their bounded name and outcome. */
export function metricsPlugin(metrics: Metrics): ApolloServerPlugin<GraphqlContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      return {
        async willSendResponse(response) {
          const seconds = (performance.now() - startedAt) / 1000;
          metrics.recordGraphqlRequest(response.operationName, outcomeOf(response), seconds);
        },
      };
    },
  };
}

/** What came of an operation: `refused` before it ran, `error` when its answer has any. */
export function outcomeOf({
  operation,
  response,
}: GraphQLRequestContextWillSendResponse<GraphqlContext>): GraphqlOutcome {
  if (!operation) return 'refused';
  const failed = response.body.kind === 'single' && response.body.singleResult.errors !== undefined;
  return failed ? 'error' : 'success';
}
