import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionNode } from 'graphql';

const known = new WeakMap<readonly FieldNode[], ReadonlySet<string>>();

/** Returns the names of all fields that are selected below a field, at any depth and whatever their directives. */
export function selectedNames({
  fieldNodes,
  fragments,
}: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>): ReadonlySet<string> {
  let names = known.get(fieldNodes);
  if (!names) {
    names = collect(fieldNodes, fragments);
    known.set(fieldNodes, names);
  }
  return names;
}

function collect(fieldNodes: readonly FieldNode[], fragments: GraphQLResolveInfo['fragments']): Set<string> {
  const names = new Set<string>();
  const spread = new Set<string>();
  const visit = (selection: SelectionNode): void => {
    if (selection.kind === Kind.FIELD) names.add(selection.name.value);
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const { value } = selection.name;
      if (spread.has(value)) return;
      spread.add(value);
      fragments[value]?.selectionSet.selections.forEach(visit);
    } else selection.selectionSet?.selections.forEach(visit);
  };
  for (const { selectionSet } of fieldNodes) selectionSet?.selections.forEach(visit);
  return names;
}
