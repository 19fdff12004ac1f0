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
  const variables = variableDefinitions.map(({ variable, type, defaultValue }) => ({
    name: variable.name.value,
    type: typeFromAST(schema, type as never) as unknown,
    hasDefault: defaultValue !== undefined,
  }));
  return (inputs) => {
    const values: Record<string, unknown> = {};
    for (const { name, type, hasDefault } of variables) {
      const value = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
      if (value === undefined && !hasDefault && !isNonNullType(type)) continue;
      if (!isInputType(type) || !isCoerced(type, value))
        return getVariableValues(schema, variableDefinitions, inputs).coerced;
      values[name] = value;
    }
    return values;
  };
}

/** True if coercion returns the value itself. */
function isCoerced(type: GraphQLInputType, value: unknown): boolean {
  if (isNonNullType(type)) return value !== null && isCoerced(type.ofType, value);
  if (value === null) return true;
  if (isListType(type))
    return Array.isArray(value) && value.every((item) => isCoerced(type.ofType as GraphQLInputType, item));
  if (type === GraphQLString || type === GraphQLID) return typeof value === 'string';
  if (type === GraphQLBoolean) return typeof value === 'boolean';
  if (type === GraphQLInt) return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
  return type instanceof GraphQLScalarType && type.parseValue === unchanged && value !== undefined;
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
