import { defaultFieldResolver, type GraphQLSchema, getNullableType, isUnionType } from 'graphql';
import type { Metrics } from '../telemetry/metrics';

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
