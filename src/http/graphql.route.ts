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
      withinDeadline({ request, reply, timeoutMs: options.requestTimeoutMs }, async () =>
        executeOperation.call(app, request, reply),
      ),
  });
}
