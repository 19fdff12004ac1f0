import { type ProgrammableServer, startProgrammableServer } from './programmable-server';

/** A span that was received as OTLP/JSON. */
export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
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
      spans.map(({ name, traceId, spanId, parentSpanId, kind, attributes, status }: any) => ({
        name,
        traceId,
        spanId,
        parentSpanId,
        kind,
        attributes: readAttributes(attributes),
        failed: status.code === 2,
        service: readAttributes(resource.attributes)['service.name'],
      })),
    ),
  );
}

function readAttributes(attributes: { key: string; value: object }[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
