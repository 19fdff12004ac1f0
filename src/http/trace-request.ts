import type { FastifyReply, FastifyRequest } from 'fastify';
import { readTraceparent } from '../telemetry/traceparent';
import type { Tracing } from '../telemetry/tracing';

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C trace context for work done for this request: that of its own span, or the caller's without tracing. */
    traceparent: string | null;
  }
}

/** Sets the request's trace context. With tracing, starts a span that ends with the response or the connection. */
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
    const completed = reply.raw.writableFinished;
    span.end({
      failed: status >= 500 || !completed,
      attributes: completed ? { 'http.response.status_code': status } : { 'error.type': 'aborted' },
    });
  });
}
