import {
  type DocumentNode,
  type FieldDefinitionNode,
  Kind,
  type ObjectTypeDefinitionNode,
  type TypeNode,
} from 'graphql';
import { assumedListSize } from './operation-cost';
import type { DirectivesByName } from './schema-directives';

/** Arguments that give the size of a page. */
const pageSizeArguments = ['first', 'last'];

/**
 * Returns `@listSize` for every field whose number of objects is estimated.
 *
 * A field with `first` or `last` has that size, or passes it to the lists of the connection that it returns. Other
 * lists of objects have an assumed size.
 */
export function listSizesOf(document: DocumentNode): DirectivesByName {
  const types = new Map<string, ObjectTypeDefinitionNode>();
  const leaves = new Set(['Int', 'Float', 'String', 'Boolean', 'ID']);
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OBJECT_TYPE_DEFINITION) types.set(definition.name.value, definition);
    if (definition.kind === Kind.SCALAR_TYPE_DEFINITION || definition.kind === Kind.ENUM_TYPE_DEFINITION)
      leaves.add(definition.name.value);
  }
  const isObjectList = ({ type }: FieldDefinitionNode) => isList(type) && !leaves.has(nameOf(type));
  const fields = [...types.values()].flatMap((parent) =>
    (parent.fields ?? []).map((field) => ({ parent, field, slicing: slicingOf(field) })),
  );
  const connections = new Set(
    fields
      .filter(({ field, slicing }) => slicing.length > 0 && !isList(field.type))
      .map(({ field }) => nameOf(field.type)),
  );

  const listSizes: Record<string, readonly string[]> = {};
  for (const { parent, field, slicing } of fields) {
    const name = `${parent.name.value}.${field.name.value}`;
    if (slicing.length > 0) {
      const sized = isList(field.type) ? [] : (types.get(nameOf(field.type))?.fields ?? []);
      const sizedFields = sized.filter(isObjectList).map((it) => it.name.value);
      const sizes = sizedFields.length > 0 ? `, sizedFields: ${JSON.stringify(sizedFields)}` : '';
      listSizes[name] = [
        `@listSize(slicingArguments: ${JSON.stringify(slicing)}${sizes}, requireOneSlicingArgument: false)`,
      ];
    } else if (isObjectList(field) && !connections.has(parent.name.value)) {
      listSizes[name] = [`@listSize(assumedSize: ${assumedListSize})`];
    }
  }
  return listSizes;
}

function slicingOf(field: FieldDefinitionNode): string[] {
  return pageSizeArguments.filter((name) => field.arguments?.some((it) => it.name.value === name));
}

function isList(type: TypeNode): boolean {
  return type.kind === Kind.LIST_TYPE || (type.kind === Kind.NON_NULL_TYPE && isList(type.type));
}

function nameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type);
}
