import { type ASTNode, buildASTSchema, findBreakingChanges, parse, print, visit } from 'graphql';

/** Returns what a change of the graph breaks for its clients and for other subgraphs, one sentence each. */
export function graphBreaks(released: string, current: string): string[] {
  const build = (sdl: string) => buildASTSchema(parse(sdl), { assumeValid: true, assumeValidSDL: true });
  const after = directivesOf(current);
  return [
    ...findBreakingChanges(build(released), build(current)).map(({ description }) => description),
    ...[...directivesOf(released)]
      .filter((applied) => !after.has(applied))
      .map((applied) => `${applied} was removed.`),
  ];
}

/** Returns every directive on a type or field, such as `User @key(fields: "id")`. Other subgraphs depend on these. */
function directivesOf(sdl: string): Set<string> {
  const applied = new Set<string>();
  visit(parse(sdl), {
    Directive(node, _key, _parent, _path, ancestors) {
      const owner = ancestors.flatMap((it) => nameOf(it)).join('.');
      // A directive without an owner is the `@link` to the specification, whose version may rise.
      if (owner !== '' && node.name.value !== 'deprecated') applied.add(`${owner} ${print(node)}`);
    },
  });
  return applied;
}

function nameOf(node: ASTNode | readonly ASTNode[]): string[] {
  return 'name' in node && node.name ? [node.name.value] : [];
}
