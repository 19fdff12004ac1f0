import {
  type FieldNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getDirectiveValues,
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isListType,
  isObjectType,
  type SelectionSetNode,
} from 'graphql';
import { maximumPageSize } from './connection';
import { type OperationCall, OperationFields } from './operation-fields';

/** Assumed number of items of a list without a page size. The printed `@listSize` has it, too. */
export const assumedListSize = 5;

/** Cost of a root field of Mutation. */
const mutationWeight = 10;

/** Cost of one item of a field, and how its items are counted. */
interface FieldCost {
  readonly weight: number;
  readonly isList: boolean;
  /** Items of the list if the operation gives no page size. */
  readonly assumedSize: number;
  /** Arguments that give the page size, with their defaults. */
  readonly slicingArguments: ReadonlyMap<string, unknown>;
  /** Lists in the returned object that have the page size. Empty if the field itself is the list. */
  readonly sizedFields: ReadonlySet<string>;
}

/** The page size that a connection passes to its lists. */
interface Page {
  readonly fields: ReadonlySet<string>;
  readonly size: number;
}

/**
 * Estimates how many objects operations may return, by the GraphQL cost specification with the weights of federation
 * 2.9. `@cost` and `@listSize` are read from the fields of the schema.
 */
export class OperationCosts {
  private readonly fieldCosts = new Map<GraphQLField<unknown, unknown>, FieldCost>();

  constructor(private readonly schema: GraphQLSchema) {}

  /**
   * Returns the cost of a call with page sizes of at most `pageSizeAtMost`. Callers use it to search for a size within
   * a limit.
   */
  costOf(call: OperationCall, pageSizeAtMost = maximumPageSize): number {
    const root = this.schema.getRootType(call.operation.operation);
    if (!root) return 0;
    const fields = new OperationFields(this.schema, call);
    // Costs by type, page and selections. Without this cache, nested fragments would take exponential time.
    const costs = new Map<string, number>();
    const setIds = new Map<SelectionSetNode, number>();
    const idOf = (set: SelectionSetNode) => {
      if (!setIds.has(set)) setIds.set(set, setIds.size);
      return setIds.get(set);
    };

    const ofType = (
      type: GraphQLNamedType,
      sets: readonly SelectionSetNode[],
      page: Page | undefined,
    ): number => {
      // An object has one of the possible types, so the most expensive one counts.
      if (isAbstractType(type))
        return Math.max(0, ...this.schema.getPossibleTypes(type).map((it) => ofType(it, sets, page)));
      if (!isObjectType(type)) return 0;
      const key = `${type.name} ${page ? `${page.size} ${[...page.fields].join()}` : ''} ${sets.map(idOf).join()}`;
      let cost = costs.get(key);
      if (cost === undefined) {
        cost = 0;
        for (const nodes of fields.of(type, sets).values()) cost += ofField(type, nodes, page);
        costs.set(key, cost);
      }
      return cost;
    };

    const ofField = (
      parent: GraphQLObjectType,
      nodes: readonly FieldNode[],
      page: Page | undefined,
    ): number => {
      const [node] = nodes as readonly [FieldNode];
      const field = parent.getFields()[node.name.value];
      // Introspection has a limit of its own.
      if (!field) return 0;
      const fieldCost = this.fieldCostOf(parent, field);
      const size = Math.min(pageSizeOf(node, fieldCost, fields), pageSizeAtMost);
      const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
      const inner = fieldCost.sizedFields.size > 0 ? { fields: fieldCost.sizedFields, size } : undefined;
      const cost = fieldCost.weight + ofType(getNamedType(field.type), sets, inner);
      if (!fieldCost.isList) return cost;
      if (field.name === '_entities') return countRepresentations(node, fields) * cost;
      if (page?.fields.has(field.name)) return page.size * cost;
      // `pageSizeAtMost` does not limit an assumed size: the caller cannot change it.
      return (fieldCost.slicingArguments.size > 0 ? size : fieldCost.assumedSize) * cost;
    };

    // The cost of deep lists can exceed the safe integers.
    return Math.min(ofType(root, [call.operation.selectionSet], undefined), Number.MAX_SAFE_INTEGER);
  }

  private fieldCostOf(parent: GraphQLObjectType, field: GraphQLField<unknown, unknown>): FieldCost {
    let cost = this.fieldCosts.get(field);
    if (!cost) {
      cost = this.readFieldCost(parent, field);
      this.fieldCosts.set(field, cost);
    }
    return cost;
  }

  private readFieldCost(parent: GraphQLObjectType, field: GraphQLField<unknown, unknown>): FieldCost {
    const argumentsOf = (name: string): Record<string, unknown> => {
      const directive = this.schema.getDirective(name);
      return (directive && field.astNode && getDirectiveValues(directive, field.astNode)) ?? {};
    };
    const { weight } = argumentsOf('cost');
    const listSize = argumentsOf('listSize');
    const usual = isCompositeType(getNamedType(field.type)) ? 1 : 0;
    const isRootMutation = parent === this.schema.getMutationType();
    const slicing = new Set(listSize['slicingArguments'] as string[] | undefined);
    return {
      weight: typeof weight === 'number' ? weight : isRootMutation ? mutationWeight : usual,
      isList: isListType(getNullableType(field.type)),
      assumedSize: typeof listSize['assumedSize'] === 'number' ? listSize['assumedSize'] : assumedListSize,
      slicingArguments: new Map(
        field.args
          .filter(({ name }) => slicing.has(name))
          .map(({ name, defaultValue }) => [name, defaultValue]),
      ),
      sizedFields: new Set(listSize['sizedFields'] as string[] | undefined),
    };
  }
}

/** Returns the number of representations that a field `_entities` resolves. Does not read the items. */
export function countRepresentations(node: FieldNode, fields: OperationFields): number {
  return fields.lengthOf(node.arguments?.find(({ name }) => name.value === 'representations')?.value);
}

/** Returns the page size that the field's arguments give. Their defaults apply only if none of them is given. */
function pageSizeOf(
  node: FieldNode,
  { slicingArguments, assumedSize }: FieldCost,
  fields: OperationFields,
): number {
  const isNumber = (value: unknown) => typeof value === 'number';
  const given = (node.arguments ?? [])
    .filter(({ name }) => slicingArguments.has(name.value))
    .map(({ value }) => fields.valueOf(value))
    .filter(isNumber);
  const sizes = given.length > 0 ? given : [...slicingArguments.values()].filter(isNumber);
  const size = sizes.length > 0 ? Math.max(...sizes) : assumedSize;
  // Page sizes out of range are refused while resolving.
  return Math.min(Math.max(size, 0), maximumPageSize);
}
