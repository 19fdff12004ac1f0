import {
  type ASTNode,
  type DefinitionNode,
  type DocumentNode,
  Kind,
  type ObjectTypeDefinitionNode,
  parse,
  print,
  visit,
} from 'graphql';

/** A query or mutation with the types around it. */
export interface GraphOperation {
  readonly name: string;
  readonly kind: 'Query' | 'Mutation';
  readonly description: string;
  /** The field, the types of its arguments, and those of its result without the fields of `User`. */
  readonly sdl: string;
}

/** The graph without federation, for tools that cannot read `@link`. */
export interface GraphDocument {
  readonly sdl: string;
  readonly operations: readonly GraphOperation[];
}

const standardDirectives = new Set(['deprecated', 'specifiedBy', 'oneOf']);
/** Described once, on the page of the service. */
const described = 'User';

/** Returns the graph that a printed federated schema describes. */
export function readGraphDocument(federatedSdl: string): GraphDocument {
  const document = withoutFederation(parse(federatedSdl, { noLocation: true }));
  const types = new Map(
    document.definitions.flatMap((it) => ('name' in it && it.name ? [[it.name.value, it]] : [])),
  );
  const operations = (['Query', 'Mutation'] as const).flatMap((kind) => {
    const { description: _, ...root } = types.get(kind) as ObjectTypeDefinitionNode;
    return (root.fields ?? []).map((field): GraphOperation => {
      const around = typesAround(field, types).map(print);
      const operation = print({ ...root, fields: [field] });
      return {
        name: field.name.value,
        kind,
        description: (field.description?.value ?? field.name.value).replaceAll(/\s+/g, ' '),
        sdl: `${[operation, ...around].join('\n\n')}\n`,
      };
    });
  });
  return { sdl: `${print(document)}\n`, operations };
}

function withoutFederation(document: DocumentNode): DocumentNode {
  return visit(document, {
    SchemaExtension: () => null,
    Directive: ({ name }) => (standardDirectives.has(name.value) ? undefined : null),
  });
}

/** Returns the definitions that a field refers to, directly or through others, in the order of the document. */
function typesAround(field: ASTNode, types: ReadonlyMap<string, DefinitionNode>): DefinitionNode[] {
  const found = new Set<DefinitionNode>();
  const collect = (node: ASTNode) => {
    visit(node, {
      [Kind.NAMED_TYPE]({ name }: { name: { value: string } }) {
        const type = types.get(name.value);
        if (!type || found.has(type) || name.value === described) return;
        found.add(type);
        collect(type);
      },
    });
  };
  collect(field);
  return [...types.values()].filter((type) => found.has(type));
}
