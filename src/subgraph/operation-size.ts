import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type FragmentSpreadNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** Size of an operation with its fragments expanded. */
export interface OperationSize {
  readonly aliases: number;
  readonly depth: number;
  /** Levels from `__schema` or `__type` downwards. They do not count towards `depth`. */
  readonly introspectionDepth: number;
}

const nothing: OperationSize = { aliases: 0, depth: 0, introspectionDepth: 0 };
const introspectionRoots = new Set(['__schema', '__type']);

/**
 * Returns the size of each operation of a document, in time linear in the document's length.
 *
 * A fragment that spreads itself counts once, as validation refuses it. Fields below `__schema` and `__type` are
 * measured separately, because tools need more levels there than operations do.
 */
export function measureOperations(document: DocumentNode): Map<OperationDefinitionNode, OperationSize> {
  const fragments = fragmentsOf(document);
  const measured = new Map<string, OperationSize>();

  function ofFragment(name: string): OperationSize {
    const known = measured.get(name);
    if (known) return known;
    measured.set(name, nothing);
    const fragment = fragments.get(name);
    const size = fragment ? ofSelections(fragment.selectionSet) : nothing;
    measured.set(name, size);
    return size;
  }

  function ofField(field: FieldNode): OperationSize {
    const below = field.selectionSet ? ofSelections(field.selectionSet) : nothing;
    const aliases = below.aliases + (field.alias ? 1 : 0);
    if (introspectionRoots.has(field.name.value))
      return { aliases, depth: 0, introspectionDepth: below.depth + 1 };
    return { aliases, depth: below.depth + 1, introspectionDepth: below.introspectionDepth };
  }

  function ofSelections({ selections }: SelectionSetNode): OperationSize {
    let aliases = 0;
    let depth = 0;
    let introspectionDepth = 0;
    for (const selection of selections) {
      const size =
        selection.kind === Kind.FIELD
          ? ofField(selection)
          : selection.kind === Kind.INLINE_FRAGMENT
            ? ofSelections(selection.selectionSet)
            : ofFragment(selection.name.value);
      aliases += size.aliases;
      depth = Math.max(depth, size.depth);
      introspectionDepth = Math.max(introspectionDepth, size.introspectionDepth);
    }
    return { aliases, depth, introspectionDepth };
  }

  const sizes = new Map<OperationDefinitionNode, OperationSize>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      sizes.set(definition, ofSelections(definition.selectionSet));
    }
  }
  return sizes;
}

/** Returns a spread by which a fragment contains itself, or null. Takes time linear in the document's length. */
export function findCircularSpread(document: DocumentNode): FragmentSpreadNode | null {
  const fragments = fragmentsOf(document);
  const state = new Map<string, 'open' | 'done'>();

  function inSelections({ selections }: SelectionSetNode): FragmentSpreadNode | null {
    for (const selection of selections) {
      const found =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? inSpread(selection)
          : selection.selectionSet && inSelections(selection.selectionSet);
      if (found) return found;
    }
    return null;
  }

  function inSpread(spread: FragmentSpreadNode): FragmentSpreadNode | null {
    const name = spread.name.value;
    const fragment = fragments.get(name);
    if (!fragment || state.get(name) === 'done') return null;
    if (state.get(name) === 'open') return spread;
    state.set(name, 'open');
    const found = inSelections(fragment.selectionSet);
    state.set(name, 'done');
    return found;
  }

  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      state.set(definition.name.value, 'open');
      const found = inSelections(definition.selectionSet);
      if (found) return found;
      state.set(definition.name.value, 'done');
    }
  }
  return null;
}

function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  return fragments;
}
