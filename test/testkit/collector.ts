import type { RecordedSpan } from '../../scripts/trace-diagram';
import { type ProgrammableServer, startProgrammableServer } from './programmable-server';

const clientKind = 3;

/** A span that was received as OTLP/JSON. */
export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  /** In milliseconds since 1970. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
  readonly service: unknown;
}

/** A trace collector that accepts OTLP/JSON at `/v1/traces`. */
export interface Collector extends ProgrammableServer {
  spans(): CollectedSpan[];
}

export async function startCollector(): Promise<Collector> {
  const server = await startProgrammableServer({ status: 200, body: {} });
  const bodies = () =>
    server.requests.filter(({ path }) => path === '/v1/traces').map(({ body }) => JSON.parse(body));
  return { ...server, spans: () => bodies().flatMap(spansOf) };
}

function spansOf({ resourceSpans }: any): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    scopeSpans.flatMap(({ spans }: any) =>
      spans.map((span: any) => ({
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId,
        kind: span.kind,
        startMs: span.startTimeUnixNano / 1e6,
        durationMs: (span.endTimeUnixNano - span.startTimeUnixNano) / 1e6,
        attributes: readAttributes(span.attributes),
        failed: span.status.code === 2,
        service: readAttributes(resource.attributes)['service.name'],
      })),
    ),
  );
}

/** The spans of a trace, each below its parent, in the order in which they began. */
export function recordTrace(collector: Collector, traceId: string): RecordedSpan[] {
  const spans = collector.spans().filter((span) => span.traceId === traceId);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const beganMs = Math.min(...spans.map(({ startMs }) => startMs));
  const below = (parent: string | undefined, depth: number): RecordedSpan[] =>
    spans
      .filter(({ parentSpanId = '' }) => (ids.has(parentSpanId) ? parentSpanId === parent : !parent))
      .sort((one, other) => one.startMs - other.startMs)
      .flatMap(({ name, startMs, durationMs, spanId, ...span }) => [
        { name, startMs: startMs - beganMs, durationMs, depth, kind: kindOf(span) },
        ...below(spanId, depth + 1),
      ]);
  return below(undefined, 0);
}

function kindOf({ attributes, kind }: Pick<CollectedSpan, 'attributes' | 'kind'>): string {
  if (attributes['db.system.name'] !== undefined) return 'store';
  if (attributes['messaging.system'] !== undefined) return 'end';
  return kind === clientKind ? 'other' : 'ours';
}

function readAttributes(attributes: { key: string; value: object }[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
