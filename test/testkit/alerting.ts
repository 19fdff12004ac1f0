import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { parseName, parseSeries } from './metrics';
import { evaluate, type Scrape, secondsOf } from './promql-evaluation';

const deploy = resolve(__dirname, '../../deploy');
const read = (path: string) => readFileSync(join(deploy, path), 'utf8');

/** An alert rule of `deploy/prometheus`. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  /** How long the expression must yield the alert before it fires. */
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

/** A test of rules in the format of promtool: series with their values, and the alerts at a time. */
export interface AlertTest {
  readonly name: string;
  readonly interval: string;
  readonly input_series: readonly { readonly series: string; readonly values: string }[];
  readonly alert_rule_test: readonly {
    readonly eval_time: string;
    readonly alertname: string;
    readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
  }[];
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export const rulesFile = join(deploy, 'prometheus/user-service.rules.yaml');
export const ruleTestsFile = join(deploy, 'prometheus/user-service.tests.yaml');

export function readAlertRules(): AlertRule[] {
  const { groups } = parse(read('prometheus/user-service.rules.yaml')) as {
    groups: { rules: AlertRule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

export function readAlertTests(): AlertTest[] {
  return (parse(read('prometheus/user-service.tests.yaml')) as { tests: AlertTest[] }).tests;
}

export function readPanels(): Panel[] {
  return (JSON.parse(read('grafana/user-service.json')) as { panels: Panel[] }).panels;
}

/** The queries of the dashboard by panel, with its variables replaced as Grafana does. */
export function readDashboardQueries(): { readonly panel: string; readonly query: string }[] {
  return readPanels().flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      query: expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'),
    })),
  );
}

/** The labels of the alerts of a rule at the time of the last scrape, `for` taken into account. */
export function firingAlerts(
  { expr, for: duration = '0s', labels }: AlertRule,
  scrapes: readonly Scrape[],
): Record<string, string>[] {
  const fromSeconds = (scrapes.at(-1)?.atSeconds ?? 0) - secondsOf(duration);
  const times = scrapes.flatMap(({ atSeconds }, at) => (atSeconds >= fromSeconds ? [at] : []));
  const yielded = times.map((at) => evaluate(expr, scrapes.slice(0, at + 1)).map((it) => it.labels));
  const lasting = (yielded.at(-1) ?? []).filter((alert) =>
    yielded.every((alerts) => alerts.some((it) => JSON.stringify(it) === JSON.stringify(alert))),
  );
  return lasting.map((alert) => ({ ...alert, ...labels }));
}

/** The scrapes of a test of promtool until a time. Its values are like `0 1x3` and `0+60x10`. */
export function scrapesOf({ interval, input_series }: AlertTest, until: string): Scrape[] {
  const stepSeconds = secondsOf(interval);
  const recorded = input_series.map(({ series, values }) => ({
    ...parseName(series),
    values: values.split(' ').flatMap((text) => {
      const [, first, step = 0, times = 0] = /^([\d.]+)(?:\+(\d+))?(?:x(\d+))?$/.exec(text) ?? [];
      return Array.from({ length: Number(times) + 1 }, (_, at) => Number(first) + at * Number(step));
    }),
  }));
  return Array.from({ length: secondsOf(until) / stepSeconds + 1 }, (_, at) => ({
    atSeconds: at * stepSeconds,
    series: recorded.flatMap(({ name, labels, values }) => {
      const value = values[at];
      return value === undefined ? [] : [{ name, labels, value }];
    }),
  }));
}

/** Scrapes a service and evaluates the alert rules, as Prometheus does. A condition that lasts for `for` is not awaited. */
export class AlertWatch {
  private readonly scrapes: Scrape[] = [];

  /** `read` returns the text of `/metrics`, and `now` milliseconds since 1970. */
  constructor(
    private readonly read: () => Promise<string>,
    private readonly now: () => number,
  ) {}

  /** Scrapes, and returns each alert that fires, as its name and the values of its labels. */
  async firing(): Promise<string[]> {
    const text = await this.read().catch(() => '');
    this.scrapes.push({ atSeconds: this.now() / 1_000, series: parseSeries(text) });
    return readAlertRules().flatMap(({ alert, expr }) =>
      evaluate(expr, this.scrapes).map(({ labels }) => [alert, ...Object.values(labels)].join(' ')),
    );
  }
}
