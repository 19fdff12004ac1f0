import { randomUUID } from 'node:crypto';
import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { within } from '../scheduling/within';
import type { Logger } from './logger';

/** Limit of an export with its retries. Short, because a pending export keeps a stopping process alive. */
const exportTimeoutMs = 2_000;
const flushLimitMs = 1_000;
const warningIntervalMs = 60_000;

export interface TracingOptions {
  /** OTEL_EXPORTER_OTLP_ENDPOINT; `/v1/traces` is appended to its path. */
  readonly endpoint: string;
  /** Value of the resource attribute `service.name`. */
  readonly serviceName: string;
  /** Value of the resource attribute `service.version`; defaults to none. */
  readonly serviceVersion?: string;
  readonly log: Logger;
  /** How long spans are collected before they are sent; defaults to 5,000. */
  readonly exportIntervalMs?: number;
}

/** Attributes of a span: ids and words of small fixed sets, never a value that a person entered. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

export interface SpanStart {
  readonly name: string;
  readonly kind: 'server' | 'internal' | 'client' | 'producer' | 'consumer';
  /** W3C traceparent of the parent; null starts a new trace. */
  readonly parent: string | null;
  readonly attributes?: SpanAttributes;
}

export interface SpanEnd {
  /** Replaces the name given at the start. */
  readonly name?: string;
  readonly failed: boolean;
  readonly attributes: SpanAttributes;
}

/**
 * Creates spans and exports them in batches, as OTLP/JSON over HTTP.
 *
 * Requests never wait for the collector. Spans that it does not accept are dropped, with one warning a minute.
 * Callers pass the parent as a traceparent, so no library is patched and no async context is searched. The parent's
 * sampling decision applies. Loading this file takes 0.2 s and 16 MB: where tracing may be off, import only its types.
 */
export class Tracing {
  private readonly provider: TracerProvider;
  private readonly tracer: Tracer;

  constructor({ endpoint, serviceName, serviceVersion, log, exportIntervalMs = 5_000 }: TracingOptions) {
    const exporter = reportingFailures(
      new OTLPTraceExporter({ url: tracesUrl(endpoint), timeoutMillis: exportTimeoutMs }),
      log,
    );
    this.provider = new TracerProvider({
      resource: defaultResource().merge(
        resourceFromAttributes({
          'service.name': serviceName,
          'service.instance.id': randomUUID(),
          ...(serviceVersion !== undefined && { 'service.version': serviceVersion }),
        }),
      ),
      spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: exportIntervalMs })],
    });
    this.tracer = this.provider.getTracer('user-service');
  }

  /** Starts a span now. A span that is never ended is never exported. */
  startSpan({ name, kind, parent, attributes = {} }: SpanStart): TracingSpan {
    return new TracingSpan(
      this.tracer.startSpan(name, { kind: spanKinds[kind], attributes }, contextOf(parent)),
    );
  }

  /** Exports the remaining spans. Resolves within one second; spans that are not exported by then are lost. */
  async stop(): Promise<void> {
    await within(this.provider.shutdown(), flushLimitMs, 'the collector did not respond in time').catch(
      () => undefined,
    );
  }
}

/** A started span. It cannot carry an error, because error messages may quote personal data. */
export class TracingSpan {
  /** W3C traceparent for child spans, in this service or another. */
  readonly traceparent: string;

  constructor(private readonly span: Span) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  end({ name, failed, attributes }: SpanEnd): void {
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
  consumer: SpanKind.CONSUMER,
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

/** Returns an exporter that logs the failures of this one, at most once a minute. */
function reportingFailures(exporter: OTLPTraceExporter, log: Logger): SpanExporter {
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const nowMs = performance.now();
        if (result.error && nowMs - warnedAtMs >= warningIntervalMs) {
          warnedAtMs = nowMs;
          log.warn(
            { failure: failureOf(result.error), spans: spans.length },
            'spans were dropped: the collector did not accept them',
          );
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

/** Returns the HTTP status or system error code, or else the exporter's own message, such as `Request timed out`. */
function failureOf(error: Error & { code?: string | number }): string {
  return String(error.code ?? error.message);
}
