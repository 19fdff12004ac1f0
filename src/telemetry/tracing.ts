import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from './logger';

/** With its repetitions. Short, as what is under way keeps a process that has stopped from ending. */
const exportTimeoutMs = 2_000;
const flushLimitMs = 1_000;
const warningIntervalMs = 60_000;

export interface TracingOptions {
  /** OTEL_EXPORTER_OTLP_ENDPOINT: `v1/traces` is put behind it. */
  readonly endpoint: string;
  /** Whose spans these are: `service.name`. */
  readonly serviceName: string;
  readonly log: Logger;
  /** How long spans are collected before they are sent, 5,000 unless told. */
  readonly exportIntervalMs?: number;
}

/** Ids and words of small fixed sets: nothing that a person entered. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** What a span came to. */
export interface SpanResult {
  /** Replaces the name, where it was not known at the beginning. */
  readonly name?: string;
  readonly failed: boolean;
  readonly attributes: SpanAttributes;
}

/**
 * Spans, sent as OTLP/JSON over HTTP in batches of their own time.
 *
 * Nobody waits for the collector: what it does not take is dropped, and told of once a minute. A span belongs to the
 * span or the caller that a traceparent names, so that nothing has to be patched or looked up for it, and
 * follows that one's decision whether the trace is recorded. Loading this file takes 0.2 s and 16 MB: only
 * types of it are imported where tracing may be off.
 */
export class Tracing {
  private readonly provider: TracerProvider;
  private readonly tracer: Tracer;

  constructor({ endpoint, serviceName, log, exportIntervalMs = 5_000 }: TracingOptions) {
    const exporter = reportingFailures(
      new OTLPTraceExporter({ url: tracesUrl(endpoint), timeoutMillis: exportTimeoutMs }),
      log,
    );
    this.provider = new TracerProvider({
      resource: defaultResource().merge(resourceFromAttributes({ 'service.name': serviceName })),
      spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: exportIntervalMs })],
    });
    this.tracer = this.provider.getTracer('user-service');
  }

  /**
   * Begins a span now. One that is never ended is never sent.
   *
   * @param parent W3C traceparent; null begins a trace
   */
  begin(
    name: string,
    kind: 'server' | 'internal' | 'client' | 'producer',
    parent: string | null,
    attributes: SpanAttributes = {},
  ): TracingSpan {
    return new TracingSpan(
      this.tracer.startSpan(name, { kind: spanKinds[kind], attributes }, contextOf(parent)),
    );
  }

  /** Sends what is left; resolves within a second, whatever the collector does. */
  async stop(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, flushLimitMs);
    });
    await Promise.race([this.provider.shutdown().catch(() => undefined), limit]);
    clearTimeout(timer);
  }
}

/** A span that has begun. It can carry no error, as messages of errors quote what they choke on. */
export class TracingSpan {
  /** W3C traceparent for what belongs under this span, here or elsewhere. */
  readonly traceparent: string;

  constructor(private readonly span: Span) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  /** Ends it now. */
  end({ name, failed, attributes }: SpanResult): void {
    if (name !== undefined) this.span.updateName(name);
    if (failed) this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.setAttributes(attributes);
    this.span.end();
  }
}

const spanKinds = {
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
};

function contextOf(parent: string | null) {
  if (parent === null) return ROOT_CONTEXT;
  const [, traceId = '', spanId = '', flags = ''] = parent.split('-');
  const traceFlags = Number.parseInt(flags, 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`;
  return url.href;
}

function reportingFailures(exporter: OTLPTraceExporter, log: Logger): SpanExporter {
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const nowMs = performance.now();
        if (result.error && nowMs - warnedAtMs >= warningIntervalMs) {
          warnedAtMs = nowMs;
          log.warn({ failure: failureOf(result.error), spans: spans.length }, 'traces are lost');
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

/** A status or a system's code; without one the message is the exporter's own, such as `Request timed out`. */
function failureOf(error: Error & { code?: string | number }): string {
  return String(error.code ?? error.message);
}
