/** The grammar of PromQL, as Prometheus's own user interface parses it. */
const { parser } = require('@prometheus-io/lezer-promql') as {
  parser: { parse(text: string): { readonly topNode: GrammarNode } };
};

interface GrammarNode {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly type: { readonly isError: boolean };
  readonly firstChild: GrammarNode | null;
  readonly nextSibling: GrammarNode | null;
}

/** A part of a query, by its name in the grammar. */
export interface QueryNode {
  readonly name: string;
  readonly text: string;
  readonly children: readonly QueryNode[];
}

/** @throws Error for a query that is not valid PromQL. */
export function parseQuery(query: string): QueryNode {
  const read = ({ name, from, to, type, firstChild }: GrammarNode): QueryNode => {
    if (type.isError) throw new Error(`PromQL syntax error at ${from} of ${query}`);
    const children: QueryNode[] = [];
    for (let child = firstChild; child; child = child.nextSibling) children.push(read(child));
    return { name, text: query.slice(from, to), children };
  };
  return read(parser.parse(query).topNode);
}

/** The parts of this name at any depth. */
export function partsOf(node: QueryNode, name: string): QueryNode[] {
  return node.children.flatMap((child) => [...(child.name === name ? [child] : []), ...partsOf(child, name)]);
}

/** What a query reads. */
export interface QueryReads {
  readonly metrics: string[];
  /** Labels of selectors, and those that aggregations and joins keep or match. */
  readonly labels: string[];
}

/** @throws Error for a query that is not valid PromQL. */
export function readsOf(query: string): QueryReads {
  const parsed = parseQuery(query);
  const metrics = partsOf(parsed, 'VectorSelector').map(({ children: [metric] }) => metric?.text ?? '');
  const labels = partsOf(parsed, 'LabelName').map(({ text }) => text);
  return { metrics: [...new Set(metrics)], labels: [...new Set(labels)] };
}
