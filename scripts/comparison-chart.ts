import { escape } from './diagram';

/** In pixels. */
const [margin, columns, blockWidth, nameWidth, valueWidth] = [16, 2, 480, 100, 70];
const [titleHeight, barHeight, barGap, blockGap] = [22, 12, 5, 20];
const barWidth = blockWidth - nameWidth - valueWidth - blockGap;

/** Middle tones, which read on light and on dark pages. */
const style = `
  text { font-family: Helvetica, Arial, sans-serif; font-size: 11px; fill: #768390 }
  text.title { font-size: 13px; font-weight: 600 }
  text.name { text-anchor: end }
  rect { fill: #768390; opacity: 0.6 }
  rect.ours { fill: #3b7dd8; opacity: 1 }
  rect.limit { fill: #2f9e57; opacity: 0.8 }
`;

interface Workload {
  readonly name: string;
  readonly candidates: readonly { readonly name: string; readonly perSecond: number }[];
}

/** Draws the requests a second of each candidate as bars, as SVG, from the tables of docs/performance.md. */
export function renderComparison(page: string): string {
  const workloads = workloadsIn(page);
  const drawing: string[] = [];
  let y = margin;
  for (let first = 0; first < workloads.length; first += columns) {
    const inLine = workloads.slice(first, first + columns);
    for (const [at, workload] of inLine.entries())
      drawing.push(
        `<g transform="translate(${margin + at * blockWidth} ${y})">`,
        ...drawWorkload(workload),
        '</g>',
      );
    const bars = Math.max(...inLine.map(({ candidates }) => candidates.length));
    y += titleHeight + bars * (barHeight + barGap) + blockGap;
  }
  const size = [margin * 2 + columns * blockWidth - blockGap, y];
  const box = `viewBox="0 0 ${size.join(' ')}" width="${size[0]}" height="${size[1]}"`;
  const head = ['<title>Requests a second by workload and candidate</title>', `<style>${style}</style>`];
  return `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img">\n${[...head, ...drawing].join('\n')}\n</svg>\n`;
}

/** Reads the tables below `### name`, without the constant body, whose bar would shorten the others. */
function workloadsIn(page: string): Workload[] {
  const results = page.slice(page.indexOf('\n## Results'), page.indexOf('\n## Ratios'));
  return results
    .split('\n### ')
    .slice(1)
    .map((section) => {
      const [name = '', ...lines] = section.split('\n');
      const rows = lines.filter((line) => /^\| [a-z]/.test(line) && !line.startsWith('| candidate'));
      const candidates = rows.map((row) => {
        const [, candidate = '', perSecond] = row.split('|').map((cell) => cell.trim());
        return { name: candidate, perSecond: Number(perSecond) };
      });
      return { name, candidates: candidates.filter((it) => it.name !== 'constant') };
    });
}

function drawWorkload({ name, candidates }: Workload): string[] {
  const most = Math.max(...candidates.map(({ perSecond }) => perSecond));
  return [
    `<text class="title" y="12">${escape(name)}</text>`,
    ...candidates.flatMap((candidate, at) => {
      const top = titleHeight + at * (barHeight + barGap);
      const width = ((candidate.perSecond / most) * barWidth).toFixed(1);
      const kind = candidate.name.startsWith('ours') ? 'ours' : candidate.name;
      const value = candidate.perSecond.toLocaleString('en-US');
      return [
        `<text class="name" x="${nameWidth - 8}" y="${top + 10}">${escape(candidate.name)}</text>`,
        `<rect class="${escape(kind)}" x="${nameWidth}" y="${top}" width="${width}" height="${barHeight}"/>`,
        `<text x="${(nameWidth + Number(width) + 6).toFixed(1)}" y="${top + 10}">${value}</text>`,
      ];
    }),
  ];
}
