import type { ApolloServerPlugin } from '@apollo/server';
import { setActiveParent } from '../telemetry/active-trace';
import type { GraphqlOutcome } from '../telemetry/metrics';
import { OperationNames } from '../telemetry/operation-names';
import type { Tracing } from '../telemetry/tracing';
import type { GraphqlContext } from './context';
import { outcomeOf } from './metrics-plugin';

/** What an operation's span records when it ends. */
export interface EndedOperation {
  /** `query` or `mutation`; undefined if the operation was refused before it was known. */
  readonly type: string | undefined;
  readonly name: string | null | undefined;
  /** `repeated`: Apollo Server runs the query again, in a span of its own. */
  readonly outcome: GraphqlOutcome | 'repeated';
}

export type StartOperationSpan = (context: GraphqlContext) => (ended: EndedOperation) => void;

/**
 * Returns a function that starts the span of an operation and returns a function that ends it. The span is named by the
 * operation's type; its name is an attribute, or `other` if there are too many names. It becomes the parent of the
 * spans of all work for the operation.
 */
export function operationSpans(tracing: Tracing): StartOperationSpan {
  const names = new OperationNames();
  return (context) => {
    const span = tracing.startSpan({
      name: 'GraphQL operation',
      kind: 'internal',
      parent: context.traceparent,
      attributes: { 'request.id': context.requestId },
    });
    context.traceparent = span.traceparent;
    setActiveParent(span.traceparent);
    return ({ type, name, outcome }) =>
      span.end({
        ...(type && { name: type }),
        failed: outcome === 'error',
        attributes: {
          outcome,
          ...(type && { 'graphql.operation.type': type }),
          ...(type && name && { 'graphql.operation.name': names.label(name, true) }),
        },
      });
  };
}

/** Returns a plugin that records a span for each operation that Apollo Server runs. */
export function tracingPlugin(startSpan: StartOperationSpan): ApolloServerPlugin<GraphqlContext> {
  return {
    async requestDidStart({ contextValue }) {
      const endSpan = startSpan(contextValue);
      return {
        async willSendResponse(response) {
          const { operation, operationName } = response;
          endSpan({ type: operation?.operation, name: operationName, outcome: outcomeOf(response) });
        },
      };
    },
  };
}
