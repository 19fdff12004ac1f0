import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { readTraceparent } from '../telemetry/traceparent';
import type { Tracing } from '../telemetry/tracing';

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C trace context for work done for this request: that of its own span, or the caller's without tracing. */
    traceparent: string | null;
  }
}

export interface TracedRequest {
  readonly id: string;
  readonly method: string;
  readonly route: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Returns the trace context for work done for a request. With tracing, starts a span that ends with the response or the
 * connection.
 */
export function traceRequest(
  { id, method, route, headers }: TracedRequest,
  response: ServerResponse,
  tracing: Tracing | null,
): string | null {
  const given = readTraceparent(headers.traceparent);
  if (!tracing) return given;
  const span = tracing.startSpan({
    name: `${method} ${route}`,
    kind: 'server',
    parent: given,
    attributes: { 'http.request.method': method, 'http.route': route, 'request.id': id },
  });
  response.once('close', () => {
    const status = response.statusCode;
    const completed = response.writableFinished;
    span.end({
      failed: status >= 500 || !completed,
      attributes: completed ? { 'http.response.status_code': status } : { 'error.type': 'aborted' },
    });
  });
  return span.traceparent;
}

/** Returns the logger with `trace_id` on its lines, if there is a trace. */
export function loggerOfTrace<Log extends { child(bindings: object): Log }>(
  log: Log,
  traceparent: string | null,
): Log {
  return traceparent === null ? log : log.child({ trace_id: traceparent.split('-')[1] });
}
