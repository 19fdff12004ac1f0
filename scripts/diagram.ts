/** In pixels. */
const margin = 24;
const lineHeight = 18;
const [textSize, labelSize] = [13, 12];
/** Width of a character of the widest sans-serif fonts in use, relative to the font size. */
const characterWidth = 0.56;

/** The kinds of boxes. They are filled and the grey is a middle one: both read on light and on dark pages. */
const kinds = ['ours', 'store', 'other', 'end'];
export const diagramStyle = `
  text { font-family: Helvetica, Arial, sans-serif; font-size: ${labelSize}px; fill: #768390 }
  text.box { font-size: ${textSize}px; text-anchor: middle; fill: #10233f }
  text.first { font-weight: 600 }
  text.centred { text-anchor: middle }
  rect { stroke-width: 1.5 }
  rect.ours { fill: #dbe9ff; stroke: #3b6fc4 }
  rect.store { fill: #dff3e4; stroke: #2f8a4c }
  rect.other { fill: #eceff3; stroke: #7a8594 }
  rect.end { fill: #fde7d7; stroke: #c2703a }
  path.line { fill: none; stroke: #768390; stroke-width: 1.5 }
  path.tip { fill: #768390 }
`;
const tip =
  '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" ' +
  'orient="auto-start-reverse"><path class="tip" d="M0 0L10 5L0 10z"/></marker>';

/** A box by its centre. */
interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly kind: string;
  readonly lines: readonly string[];
}

const boxLine = /^(\w+) ([\d.]+),([\d.]+)(?: x(\d))? (\w+) "([^"]+)"$/;
const arrowLine = /^(\w+) (->|\|>|\.\.>|<->) (\w+)(?: "([^"]*)")?$/;

export const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Lines of text around a centre. Throws when one is wider than `room`. */
function texts(lines: readonly string[], x: number, y: number, room: number, names: string): string[] {
  const size = names === 'box' ? textSize : labelSize;
  const top = y - ((lines.length - 1) * lineHeight) / 2 + size * 0.36;
  return lines.map((line, at) => {
    if (line.length * size * characterWidth > room) throw new Error(`too wide: ${line}`);
    const all = names === 'box' && at === 0 ? 'box first' : names;
    return `<text class="${all}" x="${x}" y="${Math.round(top + at * lineHeight)}">${escape(line)}</text>`;
  });
}

function drawBox({ x, y, width, height, kind, lines }: Box): string[] {
  if (lines.length * lineHeight > height - 8) throw new Error(`too many lines: ${lines.join('|')}`);
  const place = `x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}"`;
  return [`<rect class="${kind}" ${place} rx="8"/>`, ...texts(lines, x, y, width - 12, 'box')];
}

/** An arrow with at most one corner; its label is above a horizontal part, or to the right of a vertical one. */
function drawArrow(from: Box, to: Box, kind: string, label: string, rightEdge: number): string[] {
  const [right, down] = [Math.sign(to.x - from.x), Math.sign(to.y - from.y)];
  const within = (x: number) => [from, to].every((box) => Math.abs(x - box.x) < box.width / 2);
  const column = [to.x, from.x].find(within);
  const [leftAt, enteredAt] = [from.x + (right * from.width) / 2, to.x - (right * to.width) / 2];
  const [endedAt, reachedAt] = [from.y + (down * from.height) / 2, to.y - (down * to.height) / 2];
  let path: string;
  let across: [from: number, to: number, y: number] | undefined;
  if (from.y === to.y) {
    across = [leftAt, enteredAt, from.y];
    path = `M${leftAt} ${from.y}H${enteredAt}`;
  } else if (column !== undefined) {
    path = `M${column} ${endedAt}V${reachedAt}`;
  } else if (kind === '|>') {
    across = [from.x, enteredAt, to.y];
    path = `M${from.x} ${endedAt}V${to.y}H${enteredAt}`;
  } else {
    across = [leftAt, to.x, from.y];
    path = `M${leftAt} ${from.y}H${to.x}V${reachedAt}`;
  }
  const dashes = kind === '..>' ? ' stroke-dasharray="5 4"' : '';
  const start = kind === '<->' ? ' marker-start="url(#tip)"' : '';
  const line = `<path class="line" d="${path}"${dashes}${start} marker-end="url(#tip)"/>`;
  if (label === '') return [line];
  const lines = label.split('|');
  if (!across) {
    const x = (column ?? 0) + 10;
    return [line, ...texts(lines, x, (endedAt + reachedAt) / 2, rightEdge - x, 'label')];
  }
  const [begin, end, y] = across;
  const above = y - 8 - (lines.length * lineHeight) / 2 + 4;
  return [line, ...texts(lines, (begin + end) / 2, above, Math.abs(end - begin), 'centred')];
}

/**
 * Draws boxes and arrows as SVG. A line of the source is one of:
 * `title TEXT`, `cell WIDTH HEIGHT`, `gap X Y`, `# comment`;
 * `name COLUMN,ROW [xCOLUMNS] KIND "line|line"`, a box of the kind `ours`, `store`, `other` or `end`;
 * `from -> to "label"`, an arrow that goes sideways first; `|>` goes up or down first, `..>` is dashed, `<->` has
 * two tips.
 *
 * @throws Error for a line that is none of these, and for text that would not fit
 */
export function renderDiagram(source: string): string {
  let title = '';
  const [cell, gap] = [
    [180, 64],
    [110, 56],
  ];
  const boxes = new Map<string, Box>();
  const arrows: [from: Box, to: Box, kind: string, label: string][] = [];
  for (const line of source.split('\n').filter((it) => it !== '' && !it.startsWith('#'))) {
    const [word = '', ...rest] = line.split(' ');
    const [box, arrow] = [boxLine.exec(line), arrowLine.exec(line)];
    const [start, end] = [boxes.get(arrow?.[1] ?? ''), boxes.get(arrow?.[3] ?? '')];
    if (word === 'title') title = rest.join(' ');
    else if (word === 'cell') cell.splice(0, 2, ...rest.map(Number));
    else if (word === 'gap') gap.splice(0, 2, ...rest.map(Number));
    else if (box && kinds.includes(box[5] ?? '')) {
      const [, name = '', column, row, span = '1', kind = '', text = ''] = box;
      const [columnWidth = 0, height = 0, gapX = 0, gapY = 0] = [...cell, ...gap];
      const width = columnWidth * Number(span) + gapX * (Number(span) - 1);
      const x = margin + Number(column) * (columnWidth + gapX) + width / 2;
      const y = margin + Number(row) * (height + gapY) + height / 2;
      boxes.set(name, { x, y, width, height, kind, lines: text.split('|') });
    } else if (start && end) arrows.push([start, end, arrow?.[2] ?? '', arrow?.[4] ?? '']);
    else throw new Error(`not a line of a diagram, or a box that is not above it: ${line}`);
  }
  const all = [...boxes.values()];
  const width = Math.max(...all.map((it) => it.x + it.width / 2)) + margin;
  const height = Math.max(...all.map((it) => it.y + it.height / 2)) + margin;
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  const head = [`<title>${escape(title)}</title>`, `<style>${diagramStyle}</style>`, `<defs>${tip}</defs>`];
  const lines = arrows.flatMap((arrow) => drawArrow(...arrow, width));
  const drawing = [...head, ...lines, ...all.flatMap(drawBox)].join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n${drawing}\n</svg>\n`;
}
