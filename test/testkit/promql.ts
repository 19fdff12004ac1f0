/** The grammar of PromQL, as Prometheus's own user interface parses it. */
const { parser } = require('@prometheus-io/lezer-promql') as {
  parser: { parse(text: string): { iterate(visit: { enter(node: SyntaxNode): void }): void } };
};

interface SyntaxNode {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly type: { readonly isError: boolean };
}

/** What a query reads. */
export interface QueryReads {
  readonly metrics: string[];
  /** Labels of selectors, and those that aggregations and joins keep or match. */
  readonly labels: string[];
}

/** @throws Error for a query that is not valid PromQL. */
export function readsOf(query: string): QueryReads {
  const metrics = new Set<string>();
  const labels = new Set<string>();
  const selected = { metric: '' };
  parser.parse(query).iterate({
    enter({ name, from, to, type }) {
      const text = query.slice(from, to);
      if (type.isError) throw new Error(`PromQL syntax error at ${from} of ${query}`);
      if (name === 'VectorSelector') selected.metric = text;
      // Identifiers of other nodes are names of metrics only directly below a selector.
      if (name === 'Identifier' && selected.metric.startsWith(text)) metrics.add(text);
      if (name === 'LabelName') labels.add(text);
    },
  });
  return { metrics: [...metrics], labels: [...labels] };
}
