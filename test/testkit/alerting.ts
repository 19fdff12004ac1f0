import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

const deploy = resolve(__dirname, '../../deploy');
const read = (path: string) => readFileSync(join(deploy, path), 'utf8');

/** An alert rule of `deploy/prometheus`. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

/** A test of a rule: the series, and the alerts at a time. */
export interface AlertTest {
  readonly input_series: readonly { readonly series: string }[];
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly object[] }[];
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
