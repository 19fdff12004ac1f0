import {
  type FieldNode,
  GraphQLBoolean,
  type GraphQLField,
  GraphQLID,
  type GraphQLInputType,
  GraphQLInt,
  GraphQLScalarType,
  type GraphQLSchema,
  GraphQLString,
  getArgumentValues,
  getVariableValues,
  isInputType,
  isListType,
  isNonNullType,
  Kind,
  type OperationDefinitionNode,
  typeFromAST,
  type ValueNode,
  valueFromAST,
  visit,
} from 'graphql';

export type Values = Readonly<Record<string, unknown>>;

/** How scalars without a parser of their own, such as `_Any`, read values. */
const unchanged = new GraphQLScalarType({ name: 'Unchanged' }).parseValue;

/**
 * Returns a function that coerces the variables of an operation like graphql-js, or returns undefined if they have
 * errors. Variables that coercion would not change are only copied.
 */
export function variablesOf(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
): (inputs: Values) => Values | undefined {
  const variables = variableDefinitions.map(({ variable, type: node, defaultValue }) => {
    const type: unknown = typeFromAST(schema, node as never);
    return {
      name: variable.name.value,
      isCoerced: isInputType(type) ? coercedValuesOf(type) : () => false,
      mayBeAbsent: defaultValue === undefined && !isNonNullType(type),
    };
  });
  return (inputs) => {
    const values: Record<string, unknown> = {};
    for (const { name, isCoerced, mayBeAbsent } of variables) {
      const value = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
      if (value === undefined && mayBeAbsent) continue;
      if (!isCoerced(value)) return getVariableValues(schema, variableDefinitions, inputs).coerced;
      values[name] = value;
    }
    return values;
  };
}

/** Returns a function that is true for values of the type that coercion returns as they are. */
function coercedValuesOf(type: GraphQLInputType): (value: unknown) => boolean {
  if (isNonNullType(type)) {
    const isCoerced = coercedValuesOf(type.ofType);
    return (value) => value !== null && isCoerced(value);
  }
  if (isListType(type)) {
    const isCoerced = coercedValuesOf(type.ofType as GraphQLInputType);
    return (value) => value === null || (Array.isArray(value) && value.every(isCoerced));
  }
  if (type === GraphQLString || type === GraphQLID)
    return (value) => value === null || typeof value === 'string';
  if (type === GraphQLBoolean) return (value) => value === null || typeof value === 'boolean';
  if (type === GraphQLInt)
    return (value) => value === null || (Number.isInteger(value) && Math.abs(value as number) < 2 ** 31);
  const isUnchanged = type instanceof GraphQLScalarType && type.parseValue === unchanged;
  return (value) => value === null || (isUnchanged && value !== undefined);
}

/**
 * Returns a function that returns the arguments of a field like graphql-js. Constants are coerced only once.
 *
 * @throws GraphQLError for an argument that cannot be coerced
 */
export function argumentsOf(
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): (variables: Values) => Record<string, unknown> {
  const given = new Map(node.arguments?.map(({ name, value }) => [name.value, value]));
  const constants: Record<string, unknown> = {};
  const fromVariables: { name: string; variable: string; isNonNull: boolean; fallback: unknown }[] = [];
  for (const { name, type, defaultValue: fallback } of field.args) {
    const value = given.get(name);
    if (value?.kind === Kind.VARIABLE)
      fromVariables.push({ name, variable: value.name.value, isNonNull: isNonNullType(type), fallback });
    else if (value && hasVariable(value)) return (variables) => getArgumentValues(field, node, variables);
    else {
      const constant = value ? valueFromAST(value, type) : fallback;
      if (constant !== undefined) constants[name] = constant;
    }
  }
  return (variables) => {
    const values = { ...constants };
    for (const { name, variable, isNonNull, fallback } of fromVariables) {
      const value = Object.hasOwn(variables, variable) ? variables[variable] : fallback;
      if (isNonNull && value == null) return getArgumentValues(field, node, variables);
      if (value !== undefined) values[name] = value;
    }
    return values;
  };
}

function hasVariable(node: ValueNode): boolean {
  let found = false;
  visit(node, {
    Variable: () => {
      found = true;
    },
  });
  return found;
}
