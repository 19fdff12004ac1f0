import { escape } from './diagram';

/** In pixels. */
const [margin, columns, panelWidth, plotHeight, gap] = [16, 3, 330, 110, 18];
const [axisWidth, titleHeight, timeHeight, lineHeight] = [48, 24, 18, 15];
const plotWidth = panelWidth - axisWidth - gap;
/** Widths in a legend: of a character, what a capital letter adds to it, and of the key before a name. */
const [characterWidth, capitalWidth, keyWidth] = [5.8, 2, 26];
const ticksPerAxis = 4;
const secondsPerTick = 30;

/** Middle tones, which read on light and on dark pages. Further series are dashed. */
const colours = ['#3b7dd8', '#2f9e57', '#d9822b', '#c4453f', '#8a63d2', '#1a9ba8', '#7f8f1f', '#d0609f'];
const dashes = ['', '5 3', '2 2'];
const style = `
  text { font-family: Helvetica, Arial, sans-serif; font-size: 11px; fill: #768390 }
  text.title { font-size: 13px; font-weight: 600 }
  text.value { text-anchor: end }
  text.time { text-anchor: middle }
  path { fill: none; stroke-width: 1.5 }
  path.grid { stroke: #768390; stroke-width: 1; opacity: 0.3 }
  rect { fill: #c4453f; opacity: 0.13 }
`;

/** A panel of the dashboard with what its queries yielded, a value or null for each step of time. */
export interface RecordedPanel {
  readonly title: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly kind: 'stat' | 'timeseries';
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

/** A row of the dashboard over time. */
export interface RecordedRow {
  readonly row: string;
  readonly stepSeconds: number;
  /** Periods with a failure, which the charts shade. */
  readonly failures: readonly { readonly what: string; readonly from: number; readonly to: number }[];
}

/** Writes a recorded row as the text that `renderPanels` reads: JSON, a line for the row and one for each panel. */
export function printPanels(row: RecordedRow, panels: readonly RecordedPanel[]): string {
  return [row, ...panels, ''].map((line) => line && JSON.stringify(line)).join('\n');
}

/** Draws the panels of a recorded row as charts, as SVG. */
export function renderPanels(source: string): string {
  const [row, ...panels] = source
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line)) as [RecordedRow, ...RecordedPanel[]];
  const legends = panels.map((panel) => layLegend(Object.keys(panel.series)));
  let y = margin + titleHeight;
  const drawing: string[] = [];
  for (let first = 0; first < panels.length; first += columns) {
    const inLine = panels.slice(first, first + columns);
    for (const [at, panel] of inLine.entries())
      drawing.push(
        `<g transform="translate(${margin + at * panelWidth} ${y})">`,
        ...drawPanel(panel, row, legends[first + at] ?? []),
        '</g>',
      );
    const lines = Math.max(...legends.slice(first, first + columns).map((it) => (it.at(-1)?.line ?? 0) + 1));
    y += titleHeight + plotHeight + timeHeight + lines * lineHeight + gap;
  }
  const periods = row.failures.map(({ what, from, to }) => `${what} from ${clock(from)} to ${clock(to)}`);
  const caption = [row.row, ...(periods.length > 0 ? [`shaded: ${periods.join(', ')}`] : [])].join('; ');
  const size = [margin * 2 + columns * panelWidth - gap, y];
  const head = [
    `<title>${escape(`${row.row} of the dashboard`)}</title>`,
    `<style>${style}</style>`,
    `<text class="title" x="${margin}" y="${margin + 6}">${escape(caption)}</text>`,
  ];
  const box = `viewBox="0 0 ${size.join(' ')}" width="${size[0]}" height="${size[1]}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img">\n${[...head, ...drawing].join('\n')}\n</svg>\n`;
}

function drawPanel({ title, unit, kind, series }: RecordedPanel, row: RecordedRow, legend: Key[]): string[] {
  const head = `<text class="title" y="12">${escape(title)}</text>`;
  if (kind === 'stat') {
    const values = Object.entries(series).map(([name, of]) => `${name}: ${of.at(-1) ?? 'none'}`);
    return [head, ...values.map((it, at) => `<text y="${(at + 2.5) * lineHeight}">${escape(it)}</text>`)];
  }
  const values = Object.values(series)
    .flat()
    .filter((it) => it !== null);
  const { ticks, label } = axisOf(unit, Math.max(0, ...values));
  const top = ticks.at(-1) ?? 1;
  const steps = Math.max(1, ...Object.values(series).map((of) => of.length - 1));
  const endSeconds = steps * row.stepSeconds;
  const bottom = titleHeight + plotHeight;
  const x = (seconds: number) => Number((axisWidth + (seconds / endSeconds) * plotWidth).toFixed(1));
  const y = (value: number) => Number((bottom - (value / top) * plotHeight).toFixed(1));
  const times = Array.from(
    { length: Math.floor(endSeconds / secondsPerTick) + 1 },
    (_, at) => at * secondsPerTick,
  );
  return [
    head,
    ...row.failures.map(
      ({ from, to }) =>
        `<rect x="${x(from)}" y="${titleHeight}" width="${(x(to) - x(from)).toFixed(1)}" height="${plotHeight}"/>`,
    ),
    ...ticks.flatMap((tick) => [
      `<path class="grid" d="M${axisWidth} ${y(tick)}h${plotWidth}"/>`,
      `<text class="value" x="${axisWidth - 6}" y="${y(tick) + 4}">${label(tick)}</text>`,
    ]),
    ...times.map((time) => `<text class="time" x="${x(time)}" y="${bottom + 14}">${clock(time)}</text>`),
    ...Object.values(series).map(
      (of, at) => `<path ${strokeOf(at)} d="${lineOf(of, (step) => x(step * row.stepSeconds), y)}"/>`,
    ),
    ...legend.flatMap(({ name, left, line }, at) => {
      const base = bottom + timeHeight + (line + 1) * lineHeight - 4;
      return [
        `<path ${strokeOf(at)} d="M${left} ${base - 4}h18"/>`,
        `<text x="${left + 22}" y="${base}">${escape(name)}</text>`,
      ];
    }),
  ];
}

/** The path of a line, with a gap where there is no value. */
function lineOf(
  values: readonly (number | null)[],
  x: (step: number) => number,
  y: (value: number) => number,
): string {
  return values
    .map((value, step) => {
      if (value === null) return '';
      return `${step === 0 || values[step - 1] === null ? 'M' : 'L'}${x(step)} ${y(value)}`;
    })
    .join('');
}

function strokeOf(at: number): string {
  const dash = dashes[Math.floor(at / colours.length) % dashes.length];
  return `stroke="${colours[at % colours.length]}"${dash ? ` stroke-dasharray="${dash}"` : ''}`;
}

/** Ticks from 0 to at least the highest value, with their labels in a unit that suits it. */
function axisOf(unit: string, highest: number): { ticks: number[]; label: (value: number) => string } {
  if (unit === 'bool_on_off') return { ticks: [0, 1], label: (value) => (value === 1 ? 'on' : 'off') };
  const [size, name] = scaleOf(unit, highest);
  // Counts have whole ticks.
  const isWhole = unit === 'short';
  const least = Math.max((highest || size) / size / ticksPerAxis, isWhole ? 1 : 0);
  const power = 10 ** Math.floor(Math.log10(least));
  const steps = [1, 2, 2.5, 5, 10].map((it) => it * power);
  const step = steps.find((it) => it >= least && (!isWhole || Number.isInteger(it))) ?? power;
  const count = Math.ceil((highest || size) / size / step - 1e-9);
  return {
    ticks: Array.from({ length: count + 1 }, (_, at) => at * step * size),
    label: (value) => `${Number((value / size).toPrecision(3))}${name}`,
  };
}

function scaleOf(unit: string, highest: number): [size: number, name: string] {
  if (unit === 's') return highest < 1 ? [0.001, ' ms'] : [1, ' s'];
  const scales: Record<string, [number, string]> = {
    bytes: [1_000_000, ' MB'],
    percentunit: [0.01, ' %'],
    ops: [1, '/s'],
    reqps: [1, '/s'],
  };
  return scales[unit] ?? [1, ''];
}

interface Key {
  readonly name: string;
  readonly left: number;
  readonly line: number;
}

/** Places the names of series below a chart, in as many lines as they need. */
function layLegend(names: readonly string[]): Key[] {
  let [left, line] = [0, 0];
  return names.map((name) => {
    const capitals = name.match(/[A-Z_]/g)?.length ?? 0;
    const width = keyWidth + name.length * characterWidth + capitals * capitalWidth + 6;
    if (left > 0 && left + width > panelWidth - gap) [left, line] = [0, line + 1];
    const key = { name, left, line };
    left += width;
    return key;
  });
}

const clock = (seconds: number) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
