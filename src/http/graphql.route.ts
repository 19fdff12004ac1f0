import type { IncomingHttpHeaders } from 'node:http';
import type { ApolloServer, BaseContext } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Tracing } from '../telemetry/tracing';
import { withinDeadline } from './deadline';
import { errorBody } from './error-responses';
import { traceRequest } from './trace-request';

export interface GraphqlRouteOptions<Context extends BaseContext> {
  apollo: ApolloServer<Context>;
  context: (request: FastifyRequest) => Promise<Context>;
  /** Returns the response to a known query as JSON, or null if `apollo` has to run the request. */
  respondToRead?: (body: unknown, createContext: () => Promise<Context>) => Promise<string | null>;
  routerProof: (header: string | undefined) => boolean;
  bodyLimitBytes: number;
  requestTimeoutMs: number;
  tracing?: Tracing | null;
}

/** Adds `POST /graphql`. It checks the router's proof and the headers before it reads the body. */
export function addGraphqlRoute<Context extends BaseContext>(
  app: FastifyInstance,
  options: GraphqlRouteOptions<Context>,
): void {
  const executeOperation = fastifyApolloHandler(options.apollo, { context: options.context });
  app.decorateRequest('deadline');
  app.decorateRequest('traceparent', null);
  app.route({
    method: 'POST',
    url: '/graphql',
    bodyLimit: options.bodyLimitBytes,
    onRequest: (request, reply, done) => {
      traceRequest(request, reply, options.tracing ?? null);
      const refuse = (status: number, code: string, message: string) =>
        void reply.code(status).send(errorBody(message, { code, requestId: request.id }));
      const { 'router-authorization': proof, 'content-encoding': encoding } = request.headers;
      if (!options.routerProof(Array.isArray(proof) ? proof.join(', ') : proof)) {
        return refuse(401, 'UNAUTHENTICATED', 'The Router-Authorization header is missing or wrong.');
      }
      if (encoding !== undefined && encoding !== 'identity') {
        return refuse(415, 'UNSUPPORTED_MEDIA_TYPE', 'Compressed request bodies are not supported.');
      }
      done();
    },
    handler: (request, reply) =>
      withinDeadline({ request, reply, timeoutMs: options.requestTimeoutMs }, async () => {
        const read =
          options.respondToRead && takesJson(request.headers)
            ? await options.respondToRead(request.body, () => options.context(request))
            : null;
        if (read !== null) return reply.type('application/json; charset=utf-8').send(read);
        return executeOperation.call(app, request, reply);
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
