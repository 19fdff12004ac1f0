import { diagramStyle, escape } from './diagram';

/** In pixels. */
const [margin, rowHeight, indent] = [24, 22, 14];
const [nameWidth, timeWidth, durationWidth] = [300, 460, 64];

/** A span of a recorded trace. */
export interface RecordedSpan {
  readonly name: string;
  /** In milliseconds since the trace began. */
  readonly startMs: number;
  readonly durationMs: number;
  /** The number of spans above it. */
  readonly depth: number;
  /** `ours`, `store` for a backing store, `end` for a message, or `other` for another service. */
  readonly kind: string;
}

const spanLine = /^([\d.]+) ([\d.]+) (\d+) (ours|store|other|end) (.+)$/;

/** Writes a trace as the text that `renderTrace` reads: `title TEXT`, then a line `START DURATION DEPTH KIND NAME` per span. */
export function printTrace(title: string, spans: readonly RecordedSpan[]): string {
  const lines = spans.map(
    ({ startMs, durationMs, depth, kind, name }) =>
      `${startMs.toFixed(1)} ${durationMs.toFixed(1)} ${depth} ${kind} ${name}`,
  );
  return [`title ${title}`, ...lines, ''].join('\n');
}

/**
 * Draws the spans of a trace below each other over time, as SVG.
 *
 * @throws Error for a line that is not one of a trace
 */
export function renderTrace(source: string): string {
  const [title = '', ...lines] = source.trimEnd().split('\n');
  const spans = lines.map((line): RecordedSpan => {
    const [, startMs, durationMs, depth, kind = '', name = ''] = spanLine.exec(line) ?? [];
    if (name === '') throw new Error(`not a line of a trace: ${line}`);
    return { startMs: Number(startMs), durationMs: Number(durationMs), depth: Number(depth), kind, name };
  });
  const endMs = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs));
  const scale = timeWidth / endMs;
  const rows = spans.flatMap(({ startMs, durationMs, depth, kind, name }, row) => {
    const y = margin + row * rowHeight;
    const x = margin + nameWidth + startMs * scale;
    const width = Math.max(durationMs * scale, 2);
    return [
      `<text x="${margin + depth * indent}" y="${y + 14}">${escape(name)}</text>`,
      `<rect class="${kind}" x="${x.toFixed(1)}" y="${y + 3}" width="${width.toFixed(1)}" height="14" rx="2"/>`,
      `<text x="${(x + width + 6).toFixed(1)}" y="${y + 14}">${durationMs} ms</text>`,
    ];
  });
  const width = margin * 2 + nameWidth + timeWidth + durationWidth;
  const height = margin * 2 + spans.length * rowHeight;
  const head = [`<title>${escape(title.replace(/^title /, ''))}</title>`, `<style>${diagramStyle}</style>`];
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n${[...head, ...rows].join('\n')}\n</svg>\n`;
}
