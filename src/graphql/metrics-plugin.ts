import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import { defaultFieldResolver, type GraphQLSchema, getNullableType, isUnionType } from 'graphql';
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

/** Counts each mutation by the member of its union that was the answer, or as a `fault`; in place. */
export function countMutations(schema: GraphQLSchema, metrics: Metrics): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const union = getNullableType(field.type);
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = async (source, args, context, info) => {
      let outcome = 'fault';
      try {
        const answer = await resolve(source, args, context, info);
        const member = isUnionType(union)
          ? await union.resolveType?.(answer, context, info, union)
          : undefined;
        outcome = member ?? outcome;
        return answer;
      } finally {
        metrics.mutations.inc({ mutation: field.name, outcome });
      }
    };
  }
  return schema;
}
