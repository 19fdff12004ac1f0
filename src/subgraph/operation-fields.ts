import {
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  isAbstractType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';

/** An operation and the variables that it is called with, not yet coerced. */
export interface OperationCall {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Finds the fields that a call resolves: fragments expanded, `@skip` and `@include` applied, equal names merged. */
export class OperationFields {
  private readonly fragments = new Map<string, FragmentDefinitionNode>();

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly call: OperationCall,
  ) {
    for (const definition of call.document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.fragments.set(definition.name.value, definition);
    }
  }

  /** Returns the fields of an object by response name. Fields of one response name are resolved once. */
  of(type: GraphQLObjectType, sets: readonly SelectionSetNode[]): Map<string, FieldNode[]> {
    const fields = new Map<string, FieldNode[]>();
    const spread = new Set<string>();
    const collect = (selection: SelectionNode): void => {
      if (selection.directives?.length && !this.isIncluded(selection.directives)) return;
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        const merged = fields.get(name);
        if (merged) merged.push(selection);
        else fields.set(name, [selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (this.applies(type, selection.typeCondition?.name.value))
          selection.selectionSet.selections.forEach(collect);
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = this.fragments.get(selection.name.value);
        if (fragment && this.applies(type, fragment.typeCondition.name.value))
          fragment.selectionSet.selections.forEach(collect);
      }
    };
    for (const set of sets) set.selections.forEach(collect);
    return fields;
  }

  /** Returns the value of an argument that is a number or Boolean, as a literal, variable or default. */
  valueOf(node: ValueNode): unknown {
    switch (node.kind) {
      case Kind.INT:
        return Number(node.value);
      case Kind.BOOLEAN:
        return node.value;
      case Kind.VARIABLE: {
        const sent = this.sent(node.name.value);
        if (sent !== undefined) return sent;
        const fallback = this.defaultOf(node.name.value);
        return fallback && this.valueOf(fallback);
      }
      default:
        return undefined;
    }
  }

  /** Returns the number of items of a list argument. A single value is a list of one. */
  lengthOf(node: ValueNode | undefined): number {
    if (!node) return 0;
    if (node.kind === Kind.LIST) return node.values.length;
    if (node.kind !== Kind.VARIABLE) return 1;
    const sent = this.sent(node.name.value);
    if (sent === undefined) return this.lengthOf(this.defaultOf(node.name.value));
    return Array.isArray(sent) ? sent.length : 1;
  }

  private isIncluded(directives: readonly DirectiveNode[]): boolean {
    return directives.every(({ name, arguments: args }) => {
      const condition = args?.find((arg) => arg.name.value === 'if')?.value;
      if (!condition || (name.value !== 'skip' && name.value !== 'include')) return true;
      return (this.valueOf(condition) === true) === (name.value === 'include');
    });
  }

  private applies(type: GraphQLObjectType, condition: string | undefined): boolean {
    if (condition === undefined || condition === type.name) return true;
    const wanted = this.schema.getType(condition);
    return isAbstractType(wanted) && this.schema.isSubType(wanted, type);
  }

  private sent(name: string): unknown {
    return Object.hasOwn(this.call.variables, name) ? this.call.variables[name] : undefined;
  }

  private defaultOf(name: string): ValueNode | undefined {
    return this.call.operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)
      ?.defaultValue;
  }
}
