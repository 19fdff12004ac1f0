/** One series of a response of `/metrics`. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The series at `/metrics` of a service. */
export async function scrape(url: string): Promise<Series[]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)];
    return [
      { name, value: Number(value), labels: Object.fromEntries(pairs.map(([, label, it]) => [label, it])) },
    ];
  });
}

/** The sum of the series with this name and these labels; null if there is none. */
export function sumOf(series: readonly Series[], name: string, labels: Series['labels'] = {}): number | null {
  const found = series.filter(
    (it) => it.name === name && Object.entries(labels).every(([label, value]) => it.labels[label] === value),
  );
  return found.length === 0 ? null : found.reduce((sum, { value }) => sum + value, 0);
}
