/** One series of a response of `/metrics`. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The series at `/metrics` of a service. */
export async function scrape(url: string): Promise<Series[]> {
  return parseSeries(await (await fetch(`${url}/metrics`)).text());
}

/** The series of a text in Prometheus's format. */
export function parseSeries(text: string): Series[] {
  return text.split('\n').flatMap((line) => {
    const [, series, value] = /^([^#\s].*) (\S+)$/.exec(line) ?? [];
    return series === undefined ? [] : [{ ...parseName(series), value: Number(value) }];
  });
}

/** The name and labels of a text like `requests_total{route="/graphql"}`. */
export function parseName(series: string): Pick<Series, 'name' | 'labels'> {
  const [, name = '', pairs = ''] = /^([^{]+)(?:\{(.*)\})?$/.exec(series) ?? [];
  const labels = [...pairs.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)];
  return { name, labels: Object.fromEntries(labels.map(([, label, value]) => [label, value])) };
}

/** The sum of the series with this name and these labels; null if there is none. */
export function sumOf(series: readonly Series[], name: string, labels: Series['labels'] = {}): number | null {
  const found = series.filter(
    (it) => it.name === name && Object.entries(labels).every(([label, value]) => it.labels[label] === value),
  );
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
}
