import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ParseOptions,
  type ValidationRule,
} from 'graphql';
import { maximumPageSize } from './connection';
import { costExceeded, introspectionTooDeep, limitExceeded, repeatedField } from './errors';
import { countRepresentations, OperationCosts } from './operation-cost';
import { type OperationCall, OperationFields } from './operation-fields';
import { findCircularSpread, measureOperations } from './operation-size';

/** Maximum size of one operation. Each limit is a setting, such as `LIMIT_ALIASES`. */
export interface Limits {
  /** Aliases in one operation, with fragments expanded. */
  readonly aliases: number;
  /** Levels of nested fields, with fragments expanded. Does not apply to introspection. */
  readonly depth: number;
  /** Lexical tokens in one document. */
  readonly tokens: number;
  /** Representations passed to `_entities` by one operation. */
  readonly representations: number;
  /** Estimated number of objects that one operation may return. */
  readonly cost: number;
}

/** Options of an Apollo Server that enforce the limits. */
export interface LimitOptions {
  readonly parseOptions: ParseOptions;
  readonly validationRules: ValidationRule[];
  readonly plugins: ApolloServerPlugin<BaseContext>[];
}

/** @throws LIMIT_EXCEEDED if a call of a valid operation exceeds a limit that depends on variables */
export type CheckOperationLimits = (call: OperationCall) => void;

/**
 * Returns options that refuse operations over the limits with `LIMIT_EXCEEDED` before any resolver runs.
 *
 * Tokens are limited while parsing, aliases and depth in validation. `checkOperationLimits` runs when the variables are
 * known. `formatError` of `createErrorMask` is required: it restores the code of these errors.
 */
export function limitOptions(limits: Limits, checkOperationLimits: CheckOperationLimits): LimitOptions {
  return {
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [sizeRule(limits)],
    plugins: [operationLimitsPlugin(checkOperationLimits)],
  };
}

/** One more than the depth of graphql-js's introspection query, which all tools send. */
const maxIntrospectionDepth = 16;

function sizeRule(limits: Limits): ValidationRule {
  return (context) => ({
    Document(document) {
      const errors = limitErrorsOf(document, limits);
      for (const error of errors) context.reportError(error);
      // Other rules could take quadratic time or overflow the stack, so they get an empty document.
      if (errors.length > 0) Object.assign(document, { definitions: [] });
    },
  });
}

function limitErrorsOf(document: DocumentNode, limits: Limits): GraphQLError[] {
  const circular = findCircularSpread(document);
  if (circular) {
    const message = `Cannot spread fragment "${circular.name.value}" within itself.`;
    return [new GraphQLError(message, { nodes: circular })];
  }
  return [...measureOperations(document)].flatMap(([operation, size]) => [
    ...(['aliases', 'depth'] as const)
      .filter((limit) => size[limit] > limits[limit])
      .map((limit) => limitExceeded(limit, limits[limit], { nodes: operation })),
    ...(size.introspectionDepth > maxIntrospectionDepth ? [introspectionTooDeep({ nodes: operation })] : []),
  ]);
}

function operationLimitsPlugin(checkOperationLimits: CheckOperationLimits): ApolloServerPlugin<BaseContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ document, operation, request }) {
          if (operation) checkOperationLimits({ document, operation, variables: request.variables ?? {} });
        },
      };
    },
  };
}

/** Calls of one operation that are remembered as within the limits. */
const maxRememberedCalls = 1_000;

/**
 * Returns the check of the limits on representations, on cost, and on the root fields that an operation may have only
 * once.
 */
export function createOperationLimitsCheck(
  schema: GraphQLSchema,
  limits: Pick<Limits, 'representations' | 'cost'>,
  onceInOperation: readonly string[] = [],
): CheckOperationLimits {
  const costs = new OperationCosts(schema);
  const accepted = new WeakMap<OperationDefinitionNode, Set<string>>();

  function check(call: OperationCall): void {
    const root = schema.getRootType(call.operation.operation);
    if (!root) return;
    const fields = new OperationFields(schema, call);
    let representations = 0;
    const names: string[] = [];
    for (const [node] of fields.of(root, [call.operation.selectionSet]).values()) {
      if (!node) continue;
      names.push(node.name.value);
      if (node.name.value === '_entities') representations += countRepresentations(node, fields);
    }
    if (representations > limits.representations)
      throw limitExceeded('representations', limits.representations);
    for (const name of onceInOperation)
      if (names.indexOf(name) !== names.lastIndexOf(name)) throw repeatedField(name);
    const cost = costs.costOf(call);
    if (cost > limits.cost) throw costExceeded(limits.cost, cost, largestPageSize(call));
  }

  /** Returns the largest page size with which the call would be within the limit, or 0 if there is none. */
  function largestPageSize(call: OperationCall): number {
    let fits = 0;
    for (let tooLarge = maximumPageSize; tooLarge - fits > 1; ) {
      const size = Math.floor((fits + tooLarge) / 2);
      if (costs.costOf(call, size) > limits.cost) tooLarge = size;
      else fits = size;
    }
    return fits;
  }

  return (call) => {
    const shape = shapeOf(call);
    const known = accepted.get(call.operation);
    if (known?.has(shape)) return;
    check(call);
    if (!known) accepted.set(call.operation, new Set([shape]));
    else if (known.size < maxRememberedCalls) known.add(shape);
  };
}

/** Returns what the limits depend on: numbers, Booleans and lengths of lists, but no other values. */
function shapeOf({ operation, variables }: OperationCall): string {
  let shape = '';
  for (const { variable } of operation.variableDefinitions ?? []) {
    const { value: name } = variable.name;
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (Array.isArray(value)) shape += `[${value.length}] `;
    else if (typeof value === 'number' || typeof value === 'boolean') shape += `${value} `;
    else shape += value === undefined ? '- ' : value === null ? 'null ' : 'other ';
  }
  return shape;
}
