import { type Panel, rows } from './dashboard-panels';

const datasource = { type: 'prometheus', uid: '${datasource}' };
const width = 8;
const height = 7;

/** Returns the dashboard as Grafana imports it: a row for requests, events, privacy and the process. */
export function printDashboard(): string {
  const panels: object[] = [];
  let y = 0;
  for (const [title, ofRow] of Object.entries(rows)) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: 24, h: 1 },
      panels: [],
    });
    y += 1;
    for (const [at, panel] of ofRow.entries()) {
      const gridPos = {
        x: (at % 3) * width,
        y: y + Math.floor(at / 3) * height,
        w: width,
        h: height,
      };
      panels.push(panelOf(panels.length + 1, panel, gridPos));
    }
    y += Math.ceil(ofRow.length / 3) * height;
  }
  const dashboard = {
    uid: 'user-service',
    title: 'User Service',
    description: 'Requests, events, privacy and process. Alerts: deploy/prometheus/user-service.rules.yaml',
    tags: ['user-service'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    templating: { list: variables() },
    annotations: { list: [] },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function panelOf(id: number, { title, unit, kind, queries }: Panel, gridPos: object): object {
  return {
    id,
    type: kind,
    title,
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: kind === 'timeseries' ? { legend: { displayMode: 'list', placement: 'bottom' } } : {},
    targets: Object.entries(queries).map(([legendFormat, expr], at) => ({
      refId: String.fromCharCode(65 + at),
      datasource,
      expr,
      legendFormat,
      exemplar: expr.includes('graphql_duration_seconds_bucket'),
    })),
  };
}

function variables(): object[] {
  return [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    {
      name: 'instance',
      label: 'Instance',
      type: 'query',
      datasource,
      query: 'label_values(user_service_build_info, instance)',
      refresh: 2,
      includeAll: true,
      allValue: '.*',
      multi: true,
      current: { text: 'All', value: '$__all' },
    },
  ];
}
