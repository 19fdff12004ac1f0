import type { FastifyReply, FastifyRequest } from 'fastify';
import { readTraceparent } from '../telemetry/traceparent';
import type { Tracing } from '../telemetry/tracing';

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C trace context of what is done for this request: its own span's, without tracing the caller's. */
    traceparent: string | null;
  }
}

/** Gives a request its trace context, and with tracing a span that ends with its answer or its connection. */
export function traceRequest(request: FastifyRequest, reply: FastifyReply, tracing: Tracing | null): void {
  const given = readTraceparent(request.headers.traceparent);
  request.traceparent = given;
  if (!tracing) return;
  const { method, url } = request.routeOptions;
  const span = tracing.startSpan({
    name: `${String(method)} ${url}`,
    kind: 'server',
    parent: given,
    attributes: {
      'http.request.method': request.method,
      'http.route': String(url),
      'request.id': request.id,
    },
  });
  request.traceparent = span.traceparent;
  reply.raw.once('close', () => {
    const status = reply.raw.statusCode;
    const answered = reply.raw.writableFinished;
    span.end({
      failed: status >= 500 || !answered,
      attributes: answered ? { 'http.response.status_code': status } : { 'error.type': 'aborted' },
    });
  });
}
