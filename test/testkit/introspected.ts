import {
  buildClientSchema,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getIntrospectionQuery,
  getNamedType,
  isCompositeType,
  isRequiredArgument,
} from 'graphql';
import type { TestApp } from './app';

/** The schema of a running service, by introspection. */
export async function introspect(app: TestApp): Promise<GraphQLSchema> {
  return buildClientSchema((await app.graphql(getIntrospectionQuery())).data);
}

/** The names of a type's fields; of a root type, those without federation's own. */
export function fieldNames(schema: GraphQLSchema, type: string): string[] {
  return Object.keys((schema.getType(type) as GraphQLObjectType).getFields());
}

/** A selection of every field without required arguments, down to `levels` of nested objects. */
export function selectAll(type: GraphQLNamedType, levels: number): string {
  if (!isCompositeType(type)) return '';
  if (!('getFields' in type)) return '{ __typename }';
  const fields = Object.values(type.getFields())
    .filter(({ args }) => !args.some(isRequiredArgument))
    .map((field) => ({ name: field.name, type: getNamedType(field.type) }))
    .filter((field) => levels > 1 || !isCompositeType(field.type))
    .map((field) => `${field.name} ${selectAll(field.type, levels - 1)}`);
  return `{ ${fields.join(' ') || '__typename'} }`;
}
