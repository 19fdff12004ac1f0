import {
  type ASTNode,
  type DocumentNode,
  isTypeDefinitionNode,
  Kind,
  type ObjectTypeDefinitionNode,
  parse,
  print,
  type TypeDefinitionNode,
  visit,
} from 'graphql';

/** A query or mutation with the types around it. */
export interface GraphOperation {
  readonly name: string;
  readonly kind: 'Query' | 'Mutation';
  readonly description: string;
  /** The field, the types of its arguments, and those of its result, without the types that list a profile. */
  readonly sdl: string;
  /** The types that list a profile and are missing from `sdl`. */
  readonly profileTypes: readonly string[];
}

/** The graph without federation, for tools that cannot read `@link`. */
export interface GraphDocument {
  readonly sdl: string;
  readonly operations: readonly GraphOperation[];
}

const standardDirectives = new Set(['deprecated', 'specifiedBy', 'oneOf']);
/** Types that list the fields of a profile. They are in the graph of the service only, not in that of each operation. */
const profileTypes: readonly string[] = ['User', 'UserProfile', 'CreateUserInput', 'UpdateUserInput'];

/** Returns the graph that a printed federated schema describes. */
export function readGraphDocument(federatedSdl: string): GraphDocument {
  const document = withoutFederation(parse(federatedSdl, { noLocation: true }));
  const types = new Map(
    document.definitions.filter(isTypeDefinitionNode).map((type) => [type.name.value, type]),
  );
  const operations = (['Query', 'Mutation'] as const).flatMap((kind) => {
    const { description: _, ...root } = types.get(kind) as ObjectTypeDefinitionNode;
    return (root.fields ?? []).map((field): GraphOperation => {
      const around = typesAround(field, types);
      const isProfile = ({ name }: TypeDefinitionNode) => profileTypes.includes(name.value);
      const operation = { ...root, fields: [field] };
      return {
        name: field.name.value,
        kind,
        description: (field.description?.value ?? field.name.value).replaceAll(/\s+/g, ' '),
        sdl: `${[operation, ...around.filter((type) => !isProfile(type))].map(print).join('\n\n')}\n`,
        profileTypes: around.filter(isProfile).map(({ name }) => name.value),
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

/**
 * Returns the types that a field refers to, directly or through others, in the order of the document. Those that only a
 * profile refers to are left out.
 */
function typesAround(field: ASTNode, types: ReadonlyMap<string, TypeDefinitionNode>): TypeDefinitionNode[] {
  const found = new Set<TypeDefinitionNode>();
  const collect = (node: ASTNode) => {
    visit(node, {
      [Kind.NAMED_TYPE]({ name }: { name: { value: string } }) {
        const type = types.get(name.value);
        if (!type || found.has(type)) return;
        found.add(type);
        if (!profileTypes.includes(name.value)) collect(type);
      },
    });
  };
  collect(field);
  return [...types.values()].filter((type) => found.has(type));
}
