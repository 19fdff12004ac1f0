import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { type ApolloServer, type BaseContext, HeaderMap } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { runInTrace } from '../telemetry/active-trace';
import type { Metrics } from '../telemetry/metrics';
import type { Tracing } from '../telemetry/tracing';
import type { Concurrency } from './concurrency';
import { RequestTimeoutError, withinDeadline } from './deadline';
import { errorBody } from './error-responses';
import { type HandedOver, streamOf } from './prepared-query-listener';
import { loggerOfTrace, traceRequest } from './trace-request';

declare module 'fastify' {
  interface FastifyRequest {
    /** Resolves when the work of the operation has ended, which may be after the response. Null before it starts. */
    work: Promise<void> | null;
  }
}

export interface GraphqlRouteOptions<Context extends BaseContext> {
  apollo: ApolloServer<Context>;
  context: (request: FastifyRequest) => Promise<Context>;
  /** Returns what `PreparedQueryListener` did for a request before it handed it over. */
  handedOver: (message: IncomingMessage) => HandedOver | null;
  routerProof: (header: string | undefined) => boolean;
  bodyLimitBytes: number;
  requestTimeoutMs: number;
  concurrency: Concurrency;
  /** Returns the id of the caller, or null without a valid access token. */
  actorId: (request: FastifyRequest) => Promise<string | null> | null;
  tracing?: Tracing | null;
  metrics: Pick<Metrics, 'recordRefusal'>;
}

/** The largest response. */
const maxResponseBytes = 2 ** 24;

/** True for text of more than the largest response. */
export function isTooLarge(payload: unknown): boolean {
  if (typeof payload !== 'string') return false;
  // A UTF-16 code unit has at most three bytes in UTF-8.
  return payload.length * 3 > maxResponseBytes && Buffer.byteLength(payload) > maxResponseBytes;
}

/** Seconds after which a refused caller should retry. */
const retryAfterSeconds = 1;

/**
 * Adds `POST /graphql`. It checks the router's proof, the headers and the number of running operations before it reads
 * the body.
 */
export function addGraphqlRoute<Context extends BaseContext>(
  app: FastifyInstance,
  options: GraphqlRouteOptions<Context>,
): void {
  const { concurrency, actorId, handedOver } = options;
  app.decorateRequest('deadline');
  app.decorateRequest('work', null);
  app.decorateRequest('traceparent', null);
  app.route({
    method: 'POST',
    url: '/graphql',
    bodyLimit: options.bodyLimitBytes,
    onRequest: [
      (request, reply, done) => {
        void reply.header('cache-control', 'private, no-store');
        const state = handedOver(request.raw);
        if (state) {
          request.traceparent = state.request.traceparent;
          request.log = loggerOfTrace(request.log, request.traceparent);
          return done();
        }
        const { method, id, headers } = request;
        request.traceparent = traceRequest(
          { id, method, route: '/graphql', headers },
          reply.raw,
          options.tracing ?? null,
        );
        request.log = loggerOfTrace(request.log, request.traceparent);
        const refuse = (status: number, code: string, message: string) => {
          options.metrics.recordRefusal({ code });
          void reply.code(status).send(errorBody(message, { code, requestId: request.id }));
        };
        const { 'router-authorization': proof, 'content-encoding': encoding } = headers;
        if (!options.routerProof(Array.isArray(proof) ? proof.join(', ') : proof)) {
          return refuse(401, 'UNAUTHENTICATED', 'The Router-Authorization header is missing or wrong.');
        }
        if (encoding !== undefined && encoding !== 'identity') {
          return refuse(415, 'UNSUPPORTED_MEDIA_TYPE', 'Compressed request bodies are not supported.');
        }
        done();
      },
      async (request, reply) => {
        const state = handedOver(request.raw);
        const end = state ? state.end : concurrency.enter(await actorId(request));
        if (!end && !state) {
          const message = 'Too many operations are running. Please try again.';
          void reply.header('retry-after', String(retryAfterSeconds)).code(503);
          options.metrics.recordRefusal({ code: 'SERVICE_UNAVAILABLE' });
          return reply.send(errorBody(message, { code: 'SERVICE_UNAVAILABLE', requestId: request.id }));
        }
        if (!end) return;
        // The operation counts until its response is sent and its work has ended.
        const endAfterWork = () => void Promise.resolve(request.work).then(end);
        if (reply.raw.destroyed) endAfterWork();
        else reply.raw.once('close', endAfterWork);
      },
    ],
    preParsing: (request, _reply, payload, done) => {
      const state = handedOver(request.raw);
      done(null, state ? streamOf(state.body) : payload);
    },
    onSend: (request, reply, payload, done) => {
      if (!isTooLarge(payload)) {
        done(null, payload);
        return;
      }
      const message = `The response has more than ${maxResponseBytes} bytes. Request smaller pages.`;
      const extensions = { code: 'LIMIT_EXCEEDED', limit: 'responseBytes', maximum: maxResponseBytes };
      options.metrics.recordRefusal(extensions);
      void reply.code(400).removeHeader('content-length').type('application/json; charset=utf-8');
      void reply.header('cache-control', 'private, no-store');
      done(null, JSON.stringify(errorBody(message, { ...extensions, requestId: request.id })));
    },
    handler: async (request, reply) => {
      const { requestTimeoutMs } = options;
      const state = handedOver(request.raw);
      if (state?.hasTimedOut) throw new RequestTimeoutError(requestTimeoutMs);
      const elapsedMs = state ? performance.now() - state.request.bodyReadAtMs : 0;
      const timeoutMs = requestTimeoutMs - elapsedMs;
      return withinDeadline({ request, reply, timeoutMs }, () => {
        const response = runInTrace(options.tracing ?? null, request.traceparent, () =>
          executeOperation(options, request, reply),
        );
        request.work = response.then(
          () => undefined,
          () => undefined,
        );
        return response;
      });
    },
  });
}

/** Returns the body of Apollo Server's response, and sets its status and headers. */
async function executeOperation<Context extends BaseContext>(
  { apollo, context }: Pick<GraphqlRouteOptions<Context>, 'apollo' | 'context'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string | Readable> {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) if (value) headers.set(name, String(value));
  const response = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: 'POST', headers, search: '', body: request.body },
    context: () => context(request),
  });
  void reply.code(response.status ?? 200).headers(Object.fromEntries(response.headers));
  return response.body.kind === 'complete'
    ? response.body.string
    : Readable.from(response.body.asyncIterator);
}
