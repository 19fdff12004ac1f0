import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from '../telemetry/metrics';
import { RequestTimeoutError } from './deadline';

export interface ErrorExtensions {
  code: string;
  [name: string]: unknown;
}

/** Returns the body of every HTTP error response. It has the shape of a GraphQL error, also outside /graphql. */
export function errorBody(message: string, extensions: ErrorExtensions) {
  return { errors: [{ message, extensions }] };
}

// How long the rest of a refused body is read and discarded. Closing immediately would reset the connection, and the
// client would see a broken pipe instead of the response.
const refusedBodyGraceMs = 2000;

/** Sets the responses for errors outside GraphQL execution, and counts them. They repeat nothing from the request. */
export function setErrorResponses(app: FastifyInstance, metrics: Pick<Metrics, 'recordRefusal'>): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { status, message, extensions } = describe(error, request);
    metrics.recordRefusal(extensions);
    if (status >= 500) request.log[status === 503 ? 'warn' : 'error']({ err: error }, 'request failed');
    void reply.code(status).send(errorBody(message, { ...extensions, requestId: request.id }));
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (reply.statusCode === 413) discardRestOfBody(request, reply);
    done();
  });
}

function describe(
  error: FastifyError,
  request: FastifyRequest,
): { status: number; message: string; extensions: ErrorExtensions } {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const maximum = request.routeOptions.bodyLimit;
    const message = `The request body is larger than ${maximum} bytes.`;
    return { status: 413, message, extensions: { code: 'LIMIT_EXCEEDED', limit: 'bodyBytes', maximum } };
  }
  if (error instanceof RequestTimeoutError) {
    return { status: 503, message: 'The request timed out.', extensions: { code: 'SERVICE_UNAVAILABLE' } };
  }
  if (error.statusCode === 415) {
    const message = 'The content type must be application/json.';
    return { status: 415, message, extensions: { code: 'UNSUPPORTED_MEDIA_TYPE' } };
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    // The parser's own message quotes the body.
    const message = 'The request body is not valid JSON.';
    return { status: error.statusCode, message, extensions: { code: 'BAD_REQUEST' } };
  }
  return { status: 500, message: 'Internal server error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } };
}

function discardRestOfBody(request: FastifyRequest, reply: FastifyReply): void {
  void reply.removeHeader('connection');
  const { socket } = request.raw;
  const timer = setTimeout(() => socket.destroy(), refusedBodyGraceMs);
  request.raw.once('close', () => clearTimeout(timer));
}
