import type { ApolloServerPlugin } from '@apollo/server';
import { OperationNames } from '../telemetry/operation-names';
import type { Tracing } from '../telemetry/tracing';
import type { GraphqlContext } from './context';
import { outcomeOf } from './metrics-plugin';

/** Starts a span for each operation and makes it the parent of the operation's work. The number of span names is bounded. */
export function tracingPlugin(tracing: Tracing): ApolloServerPlugin<GraphqlContext> {
  const names = new OperationNames();
  return {
    async requestDidStart({ contextValue }) {
      const { requestId, traceparent } = contextValue;
      const span = tracing.startSpan({
        name: 'GraphQL operation',
        kind: 'internal',
        parent: traceparent,
        attributes: { 'request.id': requestId },
      });
      contextValue.traceparent = span.traceparent;
      return {
        async willSendResponse(response) {
          const outcome = outcomeOf(response);
          const type = response.operation?.operation;
          const { operationName } = response;
          span.end({
            ...(type && { name: operationName ? `${type} ${names.label(operationName, true)}` : type }),
            failed: outcome === 'error',
            attributes: { outcome, ...(type && { 'graphql.operation.type': type }) },
          });
        },
      };
    },
  };
}
