import { readFileSync } from 'node:fs';
import { rows } from '../../scripts/dashboard-panels';
import { renderDiagram } from '../../scripts/diagram';
import { printPanels, type RecordedPanel, renderPanels } from '../../scripts/panel-charts';
import { printTrace, renderTrace } from '../../scripts/trace-diagram';

const boxes = 'cell 100 40\ngap 80 40\none 0,0 ours "One"\ntwo 1,0 store "Two"\n';

it('draws the text of each box and the label of each arrow', () => {
  const svg = renderDiagram(`title A & B\n${boxes}one -> two "to <it>"\n`);
  for (const text of ['<title>A &amp; B</title>', '>One</text>', '>Two</text>', '>to &lt;it&gt;</text>'])
    expect(svg).toContain(text);
  expect(svg).toContain('d="M124 44H204"');
});

it.each([
  ['text wider than its box', 'one 0,0 ours "a name of twenty characters"', 'too wide: a name'],
  ['more lines than a box has room for', 'one 0,0 ours "a|b|c"', 'too many lines: a|b|c'],
  ['a label wider than its arrow', `${boxes}one -> two "a label of many characters"`, 'too wide: a label'],
  ['a box that does not exist', `${boxes}one -> three`, 'not a line of a diagram'],
  ['a kind of box that does not exist', 'one 0,0 blue "One"', 'not a line of a diagram'],
])('refuses %s', (_what, source, message) => {
  expect(() => renderDiagram(`cell 100 40\n${source}`)).toThrow(message);
});

it('draws each span of a trace as a bar with its name and duration', () => {
  const spans = [
    { name: 'POST /graphql', startMs: 0, durationMs: 46, depth: 0, kind: 'ours' },
    { name: 'INSERT users', startMs: 23, durationMs: 11.5, depth: 1, kind: 'store' },
  ];
  const svg = renderTrace(printTrace('A & B', spans));
  expect(svg).toContain('<title>A &amp; B</title>');
  expect(svg).toContain('<rect class="ours" x="324.0" y="27" width="460.0"');
  expect(svg).toContain('<text x="38" y="60">INSERT users</text>');
  expect(svg).toContain('<rect class="store" x="554.0" y="49" width="115.0"');
  expect(svg).toContain('>11.5 ms</text>');
  expect(() => renderTrace('title A trace\n1 2 blue "x"\n')).toThrow('not a line of a trace');
});

const failure = { what: 'A & B', from: 30, to: 60 };
const drawPanel = (panel: Partial<RecordedPanel>) =>
  renderPanels(
    printPanels({ row: 'Requests', stepSeconds: 30, failures: [failure] }, [
      { title: 'Panel', unit: 'short', kind: 'timeseries', series: {}, ...panel },
    ]),
  );

it('draws each series of a recorded panel as a line with gaps, its name, and shaded failures', () => {
  const svg = drawPanel({ unit: 's', series: { 'p<50>': [0.1, null, 0.4, 0.2], p99: [0, 0, 0, 0] } });
  expect(svg).toContain('>Requests; shaded: A &amp; B from 0:30 to 1:00</text>');
  expect(svg).toContain('<rect x="136" y="24" width="88.0"');
  expect(svg).toContain('d="M48 106.5M224 24L312 79"');
  expect(svg).toContain('d="M48 134L136 134L224 134L312 134"');
  for (const text of ['p&lt;50&gt;', 'p99', '1:30']) expect(svg).toContain(`>${text}</text>`);
});

it.each<[string, number, string[]]>([
  ['s', 0.37, ['0 ms', '100 ms', '200 ms', '300 ms', '400 ms']],
  ['s', 12, ['0 s', '5 s', '10 s', '15 s']],
  ['ops', 70, ['0/s', '20/s', '40/s', '60/s', '80/s']],
  ['bytes', 160_000_000, ['0 MB', '50 MB', '100 MB', '150 MB', '200 MB']],
  ['percentunit', 0.06, ['0 %', '2 %', '4 %', '6 %']],
  ['short', 1, ['0', '1']],
  ['short', 10, ['0', '5', '10']],
  ['short', 0, ['0', '1']],
  ['bool_on_off', 1, ['off', 'on']],
])('labels the axis of a panel in %s up to %d', (unit, highest, labels) => {
  const svg = drawPanel({ unit, series: { it: [highest] } });
  expect([...svg.matchAll(/<text class="value"[^>]*>([^<]+)</g)].map(([, label]) => label)).toEqual(labels);
});

it('writes the last value of a panel without a chart', () => {
  expect(drawPanel({ kind: 'stat', series: { '1.0.0': [2, 3] } })).toContain('>1.0.0: 3</text>');
});

it.each(Object.entries(rows))(
  'the recording of the row %s has the panels of the dashboard',
  (row, panels) => {
    const file = `docs/diagrams/dashboard-${row.toLowerCase()}.panels`;
    const [, ...recorded] = readFileSync(file, 'utf8').trimEnd().split('\n');
    const heads = (all: readonly Pick<RecordedPanel, 'title' | 'unit' | 'kind'>[]) =>
      all.map(({ title, unit, kind }) => ({ title, unit, kind }));
    // npm run record:dashboard
    expect(heads(recorded.map((line) => JSON.parse(line)))).toEqual(heads(panels));
  },
);
