import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  firingAlerts,
  readAlertRules,
  readAlertTests,
  readDashboardQueries,
  readPanels,
  rulesFile,
  ruleTestsFile,
  scrapesOf,
} from '../testkit/alerting';
import { readsOf } from '../testkit/promql';

const top = resolve(__dirname, '../..');
const rules = readAlertRules();
const names = rules.map(({ alert }) => alert);

describe('the alert rules', () => {
  it.each(rules)('$alert has a summary, a severity and a page of the runbook', ({ labels, annotations }) => {
    expect(labels.severity).toMatch(/^(page|ticket)$/);
    expect(annotations.summary).toMatch(/^(\{\{|[A-Z])/);
    const page = readFileSync(join(top, annotations.runbook_url), 'utf8');
    const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      basename(annotations.runbook_url, '.md'),
      'What it means',
      'What to check',
      'What to do',
    ]);
  });

  it('and the runbook have the same names', () => {
    const pages = readdirSync(join(top, 'docs/runbook')).map((name) => basename(name, '.md'));
    expect(pages.sort()).toEqual([...names].sort());
    for (const { alert, annotations } of rules)
      expect(annotations.runbook_url).toBe(`docs/runbook/${alert}.md`);
  });

  it.each(names)(
    '%s has a test in which it fires, from series that it reads, and one in which it does not',
    (name) => {
      const tests = readAlertTests();
      const outcomes = tests.flatMap(({ input_series, alert_rule_test }) =>
        alert_rule_test
          .filter(({ alertname }) => alertname === name)
          .map(({ exp_alerts }) => ({ fires: exp_alerts.length > 0, input_series })),
      );
      expect(outcomes.map(({ fires }) => fires)).toEqual([true, false]);
      const { metrics } = readsOf(rules.find(({ alert }) => alert === name)?.expr ?? '');
      const series = outcomes.flatMap((it) => (it.fires ? it.input_series : [])).map((it) => it.series);
      // That of an absent metric has none of it.
      if (name !== 'UserServiceAbsent')
        expect(metrics.filter((metric) => !series.some((it) => it.startsWith(metric)))).toEqual([]);
    },
  );

  it.each(readAlertTests())('$name', (test) => {
    for (const { eval_time, alertname, exp_alerts } of test.alert_rule_test) {
      const rule = rules.find(({ alert }) => alert === alertname);
      const firing = rule ? firingAlerts(rule, scrapesOf(test, eval_time)) : [];
      expect({ alertname, firing }).toEqual({ alertname, firing: exp_alerts.map((it) => it.exp_labels) });
    }
  });

  it('are valid PromQL', () => {
    for (const { expr } of rules) expect(readsOf(expr).metrics).not.toEqual([]);
    expect(() => readsOf('sum by (rate(up[5m]))')).toThrow('syntax error');
  });

  // Debian's package `prometheus` has promtool. Without it, the tests above and those of the metrics remain.
  const promtool = spawnSync('promtool', ['--version']).status === 0;
  it(`${promtool ? 'pass promtool' : 'would be run by promtool, which is not installed here'}`, () => {
    if (!promtool) return;
    for (const args of [
      ['check', 'rules', rulesFile],
      ['test', 'rules', ruleTestsFile],
    ])
      expect(spawnSync('promtool', args, { encoding: 'utf8' })).toMatchObject({ status: 0 });
  });
});

describe('the dashboard', () => {
  it('has the rows requests, events, privacy and process', () => {
    const rows = readPanels().filter(({ type }) => type === 'row');
    expect(rows.map(({ title }) => title)).toEqual(['Requests', 'Events', 'Privacy', 'Process']);
    expect(existsSync(join(top, 'deploy/grafana/user-service.json'))).toBe(true);
  });

  it('has valid PromQL in every panel', () => {
    const queries = readDashboardQueries();
    expect(queries.length).toBeGreaterThan(40);
    for (const { query } of queries) expect(readsOf(query).metrics).not.toEqual([]);
    const panels = readPanels().filter(({ type }) => type !== 'row');
    expect(panels.filter(({ targets = [] }) => targets.length === 0)).toEqual([]);
  });
});
