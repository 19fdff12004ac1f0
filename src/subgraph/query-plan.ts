import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import { argumentsOf, type Values } from './coercion';
import { type ListResolver, listResolverOf } from './list-resolver';
import { type FieldFilter, objectGuardOf } from './object-guard';
import { type OperationCall, OperationFields } from './operation-fields';

/** How the values of a type become response data. */
export type ValuePlan = { readonly isNonNull: boolean } & (
  | { readonly kind: 'leaf'; readonly serialize: (value: unknown) => unknown }
  | { readonly kind: 'list'; readonly item: ValuePlan }
  | { readonly kind: 'object'; readonly object: ObjectPlan }
  | {
      readonly kind: 'abstract';
      readonly type: GraphQLAbstractType;
      /** By the names of the possible types. */
      readonly objects: ReadonlyMap<string, ObjectPlan>;
    }
);

/** What resolvers get about their field, except for the values of variables. */
export type PlannedInfo = Omit<GraphQLResolveInfo, 'variableValues' | 'getAbortSignal' | 'getAsyncHelpers'>;

/** One field of an object. The response has its value under `key`. */
export interface FieldPlan {
  readonly key: string;
  readonly name: string;
  /** Undefined: the value is the property of the field's name. */
  readonly resolve: GraphQLFieldResolver<unknown, unknown> | undefined;
  /** Used instead of `resolve` if there is one. */
  readonly resolveList: ListResolver<unknown, unknown, unknown> | undefined;
  /** @throws GraphQLError for an argument that cannot be coerced */
  readonly argumentsOf: (variables: Values) => Record<string, unknown>;
  readonly info: PlannedInfo;
  readonly value: ValuePlan;
}

/** The selected fields of objects of one type. */
export interface ObjectPlan {
  readonly fields: readonly FieldPlan[];
  /** The response object with all its keys, and null for the fields. Copied for each object. */
  readonly template: Values;
  /** Null if anyone may read the fields. */
  readonly filter: FieldFilter<unknown, unknown> | null;
}

/**
 * Returns the plan of a valid query for these values of the variables in `@skip` and `@include`, or null for types that
 * only graphql-js can tell apart.
 */
export function planQuery(schema: GraphQLSchema, call: OperationCall): ObjectPlan | null {
  const fields = new OperationFields(schema, call);
  const info = infoOf(schema, call);
  let isSupported = true;

  function planObject(type: GraphQLObjectType, sets: readonly SelectionSetNode[]): ObjectPlan {
    // `isTypeOf` could refuse an object; no type of this service has it.
    if (type.isTypeOf) isSupported = false;
    const guard = objectGuardOf(type);
    const template: Record<string, unknown> = {};
    const plans: FieldPlan[] = [];
    for (const [key, nodes] of fields.of(type, sets)) {
      const [node] = nodes as [FieldNode];
      const field = type.getFields()[node.name.value];
      template[key] = field ? null : type.name;
      if (!field) continue;
      const inner = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
      plans.push({
        key,
        name: field.name,
        resolve: guard ? guard.unguarded.get(field.name) : field.resolve,
        resolveList: listResolverOf(field),
        argumentsOf: argumentsOf(field, node),
        info: {
          ...info,
          fieldName: field.name,
          fieldNodes: nodes,
          returnType: field.type,
          parentType: type,
          path: { prev: undefined, key, typename: type.name },
        },
        value: planValue(field.type, inner),
      });
    }
    const filter = guard?.filterFor(plans.map(({ name }) => name)) ?? null;
    return { fields: plans, template, filter };
  }

  function planValue(type: GraphQLOutputType, sets: readonly SelectionSetNode[]): ValuePlan {
    if (isNonNullType(type)) return { ...planValue(type.ofType, sets), isNonNull: true };
    if (isLeafType(type))
      return { kind: 'leaf', isNonNull: false, serialize: (value) => jsonOf(type.serialize(value)) };
    if (isListType(type)) return { kind: 'list', isNonNull: false, item: planValue(type.ofType, sets) };
    if (!isAbstractType(type)) return { kind: 'object', isNonNull: false, object: planObject(type, sets) };
    if (!type.resolveType) isSupported = false;
    const objects = schema.getPossibleTypes(type).map((it) => [it.name, planObject(it, sets)] as const);
    return { kind: 'abstract', isNonNull: false, type, objects: new Map(objects) };
  }

  const root = schema.getRootType(call.operation.operation);
  const plan = root ? planObject(root, [call.operation.selectionSet]) : null;
  return isSupported ? plan : null;
}

/** Returns the text of a time, because `JSON.stringify` takes longer for a Date. */
function jsonOf(serialized: unknown): unknown {
  return serialized instanceof Date ? serialized.toISOString() : serialized;
}

function infoOf(schema: GraphQLSchema, { document, operation }: OperationCall) {
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  return { schema, operation, fragments, rootValue: undefined };
}
