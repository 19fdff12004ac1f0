import { type ConstDirectiveNode, type DocumentNode, Kind, parse, visit } from 'graphql';

/** Directives to add, by name of a field or enum value (`Type.name`) or of an enum, union or scalar (`Type`). */
export type DirectivesByName = Readonly<Record<string, readonly string[]>>;

/**
 * Returns the document with directives added and without the schema definition. Arguments are in source order:
 * TypeGraphQL reverses them, because decorators of parameters run from the last to the first.
 */
export function withDirectives(
  document: DocumentNode,
  ...additions: readonly DirectivesByName[]
): DocumentNode {
  const directives = new Map<string, string[]>();
  for (const [name, texts] of additions.flatMap((it) => Object.entries(it)))
    directives.set(name, [...(directives.get(name) ?? []), ...texts]);
  const pending = new Set(directives.keys());
  const add = <Node extends { readonly directives?: readonly ConstDirectiveNode[] }>(
    node: Node,
    name: string,
  ) => {
    if (!pending.delete(name)) return undefined;
    const added = (directives.get(name) ?? []).map((text) => parseDirective(text));
    return { ...node, directives: [...(node.directives ?? []), ...added] };
  };
  const result = visit(document, {
    SchemaDefinition: () => null,
    FieldDefinition: (node) => ({ ...node, arguments: node.arguments?.toReversed() ?? [] }),
    EnumTypeDefinition: {
      leave: (node) => {
        const values = node.values?.map(
          (value) => add(value, `${node.name.value}.${value.name.value}`) ?? value,
        );
        const full = { ...node, ...(values && { values }) };
        return add(full, node.name.value) ?? full;
      },
    },
    ObjectTypeDefinition: {
      leave: (node) => {
        const fields = node.fields?.map(
          (field) => add(field, `${node.name.value}.${field.name.value}`) ?? field,
        );
        return { ...node, ...(fields && { fields }) };
      },
    },
    UnionTypeDefinition: (node) => add(node, node.name.value),
    ScalarTypeDefinition: (node) => add(node, node.name.value),
  });
  if (pending.size > 0)
    throw new Error(
      `The graph lacks ${[...pending].join(', ')}, which a directive or the map of personal data names: add it or remove the name`,
    );
  return result;
}

function parseDirective(text: string): ConstDirectiveNode {
  const [definition] = parse(`scalar Any ${text}`, { noLocation: true }).definitions;
  const directive = definition?.kind === Kind.SCALAR_TYPE_DEFINITION ? definition.directives?.[0] : undefined;
  if (!directive) throw new Error(`Not a directive: ${text}`);
  return directive;
}
