import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import { defaultFieldResolver, type GraphQLSchema, getNullableType, isUnionType } from 'graphql';
import type { GraphqlOutcome, Metrics } from '../telemetry/metrics';
import type { GraphqlContext } from './context';

/** Records the count and duration of operations by name and outcome. The number of names is bounded. */
export function metricsPlugin(metrics: Metrics): ApolloServerPlugin<GraphqlContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      return {
        async willSendResponse(response) {
          const seconds = (performance.now() - startedAt) / 1000;
          const { operationName, contextValue } = response;
          metrics.recordGraphqlRequest(operationName, outcomeOf(response), seconds, contextValue.traceparent);
        },
      };
    },
  };
}

/** Returns `refused` for an operation that was not executed, and `error` for a response with errors. */
export function outcomeOf({
  operation,
  response,
}: GraphQLRequestContextWillSendResponse<GraphqlContext>): GraphqlOutcome {
  if (!operation) return 'refused';
  const failed = response.body.kind === 'single' && response.body.singleResult.errors !== undefined;
  return failed ? 'error' : 'success';
}

/**
 * Makes `_entities` record its duration and its representations by result, and the ids of the entities in the context.
 * Changes the schema in place.
 */
export function measureEntities(schema: GraphQLSchema, metrics: Metrics): GraphQLSchema {
  const field = schema.getQueryType()?.getFields()._entities;
  const resolve = field?.resolve;
  if (!field || !resolve) throw new Error('The schema has no resolver of _entities.');
  field.resolve = async (source, args, context, info) => {
    const startedAtMs = performance.now();
    const resolved = (await resolve(source, args, context, info)) as unknown[];
    const elapsedMs = performance.now() - startedAtMs;
    const record = () => {
      metrics.entitiesDuration.observe(elapsedMs / 1_000);
      const failed = resolved.filter((it) => it instanceof Error).length;
      metrics.entities.inc({ result: 'resolved' }, resolved.length - failed);
      if (failed > 0) metrics.entities.inc({ result: 'failed' }, failed);
    };
    const ids = resolved.map((it) => (it as { id?: unknown } | null)?.id);
    if (ids.every((id) => typeof id === 'string')) (context as GraphqlContext).entityIds = ids;
    const { deferredMetrics } = context as GraphqlContext;
    if (deferredMetrics) deferredMetrics.push(record);
    else record();
    return resolved;
  };
  return schema;
}

/** Makes each mutation count its calls by the returned union member, or as `fault`. Changes the schema in place. */
export function countMutations(schema: GraphQLSchema, metrics: Metrics): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const union = getNullableType(field.type);
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = async (source, args, context, info) => {
      let outcome = 'fault';
      try {
        const result = await resolve(source, args, context, info);
        const member = isUnionType(union)
          ? await union.resolveType?.(result, context, info, union)
          : undefined;
        outcome = member ?? outcome;
        return result;
      } finally {
        metrics.mutations.inc({ mutation: field.name, outcome });
      }
    };
  }
  return schema;
}
