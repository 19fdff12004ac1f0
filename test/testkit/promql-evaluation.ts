import type { Series } from './metrics';
import { parseQuery, partsOf, type QueryNode } from './promql';

/** The series of one scrape. */
export interface Scrape {
  readonly atSeconds: number;
  readonly series: readonly Series[];
}

type Labels = Series['labels'];
type Sample = Pick<Series, 'labels' | 'value'>;

/** The values of one series in a range of time, the oldest first. */
interface Range {
  readonly labels: Labels;
  readonly points: { readonly atSeconds: number; readonly value: number }[];
}

/**
 * Returns what a query yields at the time of the last scrape. It knows the part of PromQL that the alert rules use.
 * Unlike Prometheus, `rate` and `increase` do not extrapolate to the ends of their range.
 *
 * @throws Error for anything else
 */
export function evaluate(query: string, scrapes: readonly Scrape[]): Sample[] {
  const value = new Evaluation(scrapes).valueOf(parseQuery(query));
  if (typeof value === 'number') throw new Error(`not a vector: ${query}`);
  return value;
}

class Evaluation {
  private readonly nowSeconds: number;

  constructor(private readonly scrapes: readonly Scrape[]) {
    this.nowSeconds = scrapes.at(-1)?.atSeconds ?? 0;
  }

  valueOf(node: QueryNode): Sample[] | number {
    switch (node.name) {
      case 'PromQL':
      case 'ParenExpr':
        return this.valueOf(child(node, 0));
      case 'NumberDurationLiteral':
        return Number(node.text);
      case 'VectorSelector':
        return select(node, this.scrapes.at(-1)?.series ?? []);
      case 'AggregateExpr':
        return this.aggregate(node);
      case 'FunctionCall':
        return this.call(node);
      case 'BinaryExpr':
        return this.combine(node);
      default:
        throw unsupported(node);
    }
  }

  private vector(node: QueryNode): Sample[] {
    const value = this.valueOf(node);
    if (typeof value === 'number') throw unsupported(node);
    return value;
  }

  private range(node: QueryNode): Range[] {
    const [selector, duration] = [child(node, 0), child(node, 1)];
    const fromSeconds = this.nowSeconds - secondsOf(duration.text);
    const ranges = new Map<string, Range>();
    for (const { atSeconds, series } of this.scrapes) {
      if (atSeconds < fromSeconds) continue;
      for (const { labels, value } of select(selector, series)) {
        const range = ranges.get(keyOf(labels)) ?? { labels, points: [] };
        range.points.push({ atSeconds, value });
        ranges.set(keyOf(labels), range);
      }
    }
    return [...ranges.values()];
  }

  private aggregate(node: QueryNode): Sample[] {
    const by = node.children.find(({ name }) => name === 'AggregateModifier');
    if (by && child(by, 0).text !== 'by') throw unsupported(by);
    const kept = by ? partsOf(by, 'LabelName').map(({ text }) => text) : [];
    const groups = groupBy(this.vector(child(argumentsOf(node), 0)), ({ labels }) => pick(labels, kept));
    const reduce = {
      sum: (values: number[]) => values.reduce((sum, value) => sum + value, 0),
      min: (values: number[]) => Math.min(...values),
      max: (values: number[]) => Math.max(...values),
    }[child(node, 0).text];
    if (!reduce) throw unsupported(node);
    return groups.map(({ labels, members }) => ({
      labels,
      value: reduce(members.map(({ value }) => value)),
    }));
  }

  private call(node: QueryNode): Sample[] | number {
    const body = argumentsOf(node);
    switch (child(node, 0).text) {
      case 'time':
        return this.nowSeconds;
      case 'absent':
        return this.vector(child(body, 0)).length === 0 ? [{ labels: {}, value: 1 }] : [];
      case 'min_over_time':
        return this.range(child(body, 0)).map(({ labels, points }) => ({
          labels,
          value: Math.min(...points.map(({ value }) => value)),
        }));
      case 'increase':
        return this.range(child(body, 0)).flatMap(increaseOf);
      case 'rate':
        return this.range(child(body, 0)).flatMap((range) =>
          increaseOf(range).map(({ labels, value }) => ({ labels, value: value / durationOf(range) })),
        );
      case 'histogram_quantile':
        return quantile(Number(child(body, 0).text), this.vector(child(body, 1)));
      default:
        throw unsupported(node);
    }
  }

  private combine(node: QueryNode): Sample[] {
    const operator = child(node, 1).text;
    const [left, right] = [this.valueOf(child(node, 0)), this.valueOf(child(node, -1))];
    const matching = node.children.find(({ name }) => name === 'MatchingModifierClause');
    const on = matching && partsOf(matching, 'LabelName').map(({ text }) => text);
    const matchKey = ({ labels }: Sample) => keyOf(on ? pick(labels, on) : labels);
    if (typeof right === 'number') {
      if (typeof left === 'number') throw unsupported(node);
      return left.flatMap((sample) => apply(operator, sample, right));
    }
    if (operator === 'or' && typeof left !== 'number')
      return [...left, ...right.filter((sample) => !left.some((it) => matchKey(it) === matchKey(sample)))];
    return right.flatMap(({ labels, value }) => {
      if (typeof left === 'number') return apply(operator, { labels, value: left }, value);
      const matches = left.filter((sample) => matchKey(sample) === matchKey({ labels, value }));
      return matches.flatMap((sample) => apply(operator, sample, value));
    });
  }
}

/** Arithmetic yields its result; a comparison yields the left side if it is true. */
function apply(operator: string, { labels, value }: Sample, other: number): Sample[] {
  const results: Record<string, number | boolean> = {
    '-': value - other,
    '*': value * other,
    '/': value / other,
    '>': value > other,
    '==': value === other,
  };
  const result = results[operator];
  if (result === undefined) throw new Error(`not supported: ${operator}`);
  if (typeof result === 'number') return [{ labels, value: result }];
  return result ? [{ labels, value }] : [];
}

function select(selector: QueryNode, series: readonly Series[]): Sample[] {
  const metric = child(selector, 0).text;
  const matchers = partsOf(selector, 'UnquotedLabelMatcher').map(({ children: [label, match, value] }) => {
    const text = JSON.parse(value?.text ?? '') as string;
    const pattern = new RegExp(`^(?:${text})$`);
    const accepts = {
      '=': (it: string) => it === text,
      '!=': (it: string) => it !== text,
      '=~': (it: string) => pattern.test(it),
    }[match?.text ?? ''];
    if (!accepts) throw unsupported(selector);
    return (labels: Labels) => accepts(labels[label?.text ?? ''] ?? '');
  });
  return series.filter(({ name, labels }) => name === metric && matchers.every((accepts) => accepts(labels)));
}

/** The increase of a counter, which starts from 0 when its process does. Nothing for a single value. */
function increaseOf({ labels, points }: Range): Sample[] {
  if (points.length < 2) return [];
  const value = points.reduce((sum, point, at) => {
    const before = points[at - 1]?.value;
    if (before === undefined) return 0;
    return sum + (point.value < before ? point.value : point.value - before);
  }, 0);
  return [{ labels, value }];
}

const durationOf = ({ points }: Range) =>
  (points.at(-1)?.atSeconds ?? Number.NaN) - (points[0]?.atSeconds ?? Number.NaN);

/** The quantile within its bucket, as if the values of a bucket were evenly distributed. */
function quantile(share: number, buckets: readonly Sample[]): Sample[] {
  const withoutBound = ({ labels }: Sample): Labels =>
    Object.fromEntries(Object.entries(labels).filter(([label]) => label !== 'le'));
  return groupBy(buckets, withoutBound).map(({ labels, members }) => {
    const sorted = members
      .map((bucket) => ({
        bound: Number(bucket.labels['le']?.replace('+Inf', 'Infinity')),
        value: bucket.value,
      }))
      .sort((a, b) => a.bound - b.bound);
    const rank = share * (sorted.at(-1)?.value ?? Number.NaN);
    const at = sorted.findIndex(({ value }) => value >= rank);
    const [below, bucket] = [sorted[at - 1] ?? { bound: 0, value: 0 }, sorted[at]];
    if (!bucket || rank === 0) return { labels, value: Number.NaN };
    if (bucket.bound === Number.POSITIVE_INFINITY) return { labels, value: below.bound };
    const within = (rank - below.value) / (bucket.value - below.value);
    return { labels, value: below.bound + (bucket.bound - below.bound) * within };
  });
}

function groupBy(
  samples: readonly Sample[],
  labelsOf: (sample: Sample) => Labels,
): { readonly labels: Labels; readonly members: Sample[] }[] {
  const groups = new Map<string, { labels: Labels; members: Sample[] }>();
  for (const sample of samples) {
    const labels = labelsOf(sample);
    const group = groups.get(keyOf(labels)) ?? { labels, members: [] };
    group.members.push(sample);
    groups.set(keyOf(labels), group);
  }
  return [...groups.values()];
}

const keyOf = (labels: Labels) =>
  JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)));
const pick = (labels: Labels, names: readonly string[]): Labels =>
  Object.fromEntries(Object.entries(labels).filter(([name]) => names.includes(name)));

/** @throws Error for a duration of several units */
export function secondsOf(duration: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  const seconds = { s: 1, m: 60, h: 3_600, d: 86_400 }[unit ?? ''];
  if (seconds === undefined) throw new Error(`not a duration: ${duration}`);
  return Number(count) * seconds;
}

function child(node: QueryNode, at: number): QueryNode {
  const found = node.children.at(at);
  if (!found) throw unsupported(node);
  return found;
}

const argumentsOf = (node: QueryNode) => child(node, -1);
const unsupported = ({ text }: QueryNode) => new Error(`not supported: ${text}`);
