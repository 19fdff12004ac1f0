import type { IncomingHttpHeaders } from 'node:http';
import type { ApolloServer, BaseContext } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from '../telemetry/metrics';
import type { Tracing } from '../telemetry/tracing';
import { Concurrency, type ConcurrencyLimits } from './concurrency';
import { withinDeadline } from './deadline';
import { errorBody } from './error-responses';
import { traceRequest } from './trace-request';

declare module 'fastify' {
  interface FastifyRequest {
    /** Ends the operation that was counted for this request. Null before it is counted, and once its handler runs. */
    endOperation: (() => void) | null;
  }
}

export interface GraphqlRouteOptions<Context extends BaseContext> {
  apollo: ApolloServer<Context>;
  context: (request: FastifyRequest) => Promise<Context>;
  /** Returns the response to a known query as JSON, or null if `apollo` has to run the request. */
  respondToRead?: (body: unknown, createContext: () => Promise<Context>) => Promise<string | null>;
  routerProof: (header: string | undefined) => boolean;
  bodyLimitBytes: number;
  requestTimeoutMs: number;
  concurrency: ConcurrencyLimits;
  /** Returns the id of the caller, or null without a valid access token. */
  actorId?: (request: FastifyRequest) => Promise<string | null>;
  tracing?: Tracing | null;
  metrics: Pick<Metrics, 'recordRefusal'>;
}

/** The largest response. */
const maxResponseBytes = 2 ** 24;

function isTooLarge(payload: unknown): boolean {
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
  const executeOperation = fastifyApolloHandler(options.apollo, { context: options.context });
  const concurrency = new Concurrency(options.concurrency);
  const { actorId = async () => null } = options;
  app.decorateRequest('deadline');
  app.decorateRequest('endOperation', null);
  app.decorateRequest('traceparent', null);
  app.route({
    method: 'POST',
    url: '/graphql',
    bodyLimit: options.bodyLimitBytes,
    onRequest: [
      (request, reply, done) => {
        traceRequest(request, reply, options.tracing ?? null);
        const refuse = (status: number, code: string, message: string) => {
          options.metrics.recordRefusal({ code });
          void reply.code(status).send(errorBody(message, { code, requestId: request.id }));
        };
        const { 'router-authorization': proof, 'content-encoding': encoding } = request.headers;
        if (!options.routerProof(Array.isArray(proof) ? proof.join(', ') : proof)) {
          return refuse(401, 'UNAUTHENTICATED', 'The Router-Authorization header is missing or wrong.');
        }
        if (encoding !== undefined && encoding !== 'identity') {
          return refuse(415, 'UNSUPPORTED_MEDIA_TYPE', 'Compressed request bodies are not supported.');
        }
        done();
      },
      async (request, reply) => {
        const end = concurrency.enter(await actorId(request));
        if (!end) {
          const message = 'Too many operations are running. Please try again.';
          void reply.header('retry-after', String(retryAfterSeconds)).code(503);
          options.metrics.recordRefusal({ code: 'SERVICE_UNAVAILABLE' });
          return reply.send(errorBody(message, { code: 'SERVICE_UNAVAILABLE', requestId: request.id }));
        }
        request.endOperation = end;
        // If the handler has run, the operation ends there: its work may outlast the response.
        reply.raw.once('close', () => request.endOperation?.());
      },
    ],
    onSend: (request, reply, payload, done) => {
      if (!isTooLarge(payload)) {
        done(null, payload);
        return;
      }
      const message = `The response has more than ${maxResponseBytes} bytes. Request smaller pages.`;
      const extensions = { code: 'LIMIT_EXCEEDED', limit: 'responseBytes', maximum: maxResponseBytes };
      options.metrics.recordRefusal(extensions);
      void reply.code(400).removeHeader('content-length').type('application/json; charset=utf-8');
      done(null, JSON.stringify(errorBody(message, { ...extensions, requestId: request.id })));
    },
    handler: (request, reply) =>
      withinDeadline({ request, reply, timeoutMs: options.requestTimeoutMs }, async () => {
        const end = request.endOperation;
        request.endOperation = null;
        try {
          const read =
            options.respondToRead && takesJson(request.headers)
              ? await options.respondToRead(request.body, () => options.context(request))
              : null;
          if (read !== null) return await reply.type('application/json; charset=utf-8').send(read);
          return await executeOperation.call(app, request, reply);
        } finally {
          end?.();
        }
      }),
  });
}

const jsonTypes = new Set(['*/*', 'application/*', 'application/json']);

/** True if the response may be plain JSON: other media types and federated traces are made by Apollo Server. */
function takesJson({ accept, 'apollo-federation-include-trace': trace }: IncomingHttpHeaders): boolean {
  if (trace !== undefined) return false;
  if (accept === undefined) return true;
  // Without weights the first type that both sides know is the one to send.
  if (accept.includes('q=')) return false;
  for (const type of accept.split(',')) {
    const name = type.split(';', 1)[0]?.trim() ?? '';
    if (jsonTypes.has(name)) return true;
    if (name === 'application/graphql-response+json') return false;
  }
  return false;
}
