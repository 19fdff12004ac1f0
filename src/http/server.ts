import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApolloServer, BaseContext } from '@apollo/server';
import Fastify, { type FastifyInstance, type FastifyRequest, LogController } from 'fastify';
import { addExplorerRoute } from '../explorer/explorer';
import type { Logger } from '../telemetry/logger';
import type { Metrics } from '../telemetry/metrics';
import type { Tracing } from '../telemetry/tracing';
import { addDevelopmentEventsRoute, type DevelopmentEvent } from './development-events.route';
import { Drain, type DrainTimes } from './drain';
import { setErrorResponses } from './error-responses';
import { addGraphqlRoute } from './graphql.route';
import { answerClientError, answerMalformedUrl } from './malformed-requests';
import { addOperationsRoutes, type Readiness } from './operations.routes';
import { answerUnknownRoutes } from './unknown-route';
import { addUnsubscribeRoutes, type UnsubscribeRoutesOptions } from './unsubscribe.routes';

/** A request as the context is made from it. */
export type HttpRequest = FastifyRequest;

export interface HttpServerOptions<Context extends BaseContext> {
  /** A started ApolloServer. It does not take part in shutting down: `drain` comes first, then `apollo.stop()`. */
  apollo: ApolloServer<Context>;
  /** Makes the context of one request; `request.id` and `request.deadline` (an AbortSignal) belong to it. */
  context: (request: FastifyRequest) => Promise<Context>;
  /** Whether the value of the `Router-Authorization` header proves that the router sent this request. */
  routerProof: (header: string | undefined) => boolean;
  readiness: () => Promise<Readiness>;
  metrics: Metrics;
  log: Logger;
  /** Makes a span for each request of /graphql; none without it. */
  tracing?: Tracing | null;
  /** Whether `GET /` serves the explorer page, and with a field for the router's proof. */
  explorer: false | { asksForRouterProof: boolean };
  /** Takes events for the broker inside this process; without it there is no such route. */
  publishDevelopmentEvent?: ((event: DevelopmentEvent) => Promise<void>) | undefined;
  /** The links in mails; without it there is no such route. */
  unsubscribe?: UnsubscribeRoutesOptions;
  bodyLimitBytes: number;
  /** When a GraphQL request that has no answer yet is answered with SERVICE_UNAVAILABLE. Default 4,000. */
  requestTimeoutMs?: number;
  /** JSON Schemas of published messages by their URL path, such as `/schemas/UserCreated/1.0.0.json`. */
  schemas?: ReadonlyMap<string, object>;
}

export interface HttpServer {
  /** Starts to listen and resolves to the URL. Port 0 takes a free one. */
  listen(address: { host: string; port: number }): Promise<string>;
  /** Shuts down without losing a request that reached the server; see {@link Drain.run}. */
  drain(times: DrainTimes): Promise<void>;
  /** For tests of routes without a socket. */
  inject: FastifyInstance['inject'];
}

const readinessLimitMs = 1000;
const headersTimeoutMs = 5000;
const receiveTimeoutMs = 10_000;
// Longer than the idle timeout of common balancers (60 s), so that it is never us who closes under a request.
const keepAliveTimeoutMs = 65_000;
const connectionsCheckIntervalMs = 1000;
/** UUIDs and other hexadecimal ids: logs and traces keep them, so there is no room for anybody's name. */
const saneRequestId = /^[\da-f](?:[\da-f-]{14,62})[\da-f]$/i;

/** The service's HTTP door, not yet listening: GraphQL, health, metrics, message schemas and the explorer page. */
export async function createHttpServer<Context extends BaseContext>(
  options: HttpServerOptions<Context>,
): Promise<HttpServer> {
  const app = Fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: receiveTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: connectionsCheckIntervalMs },
    clientErrorHandler: answerClientError,
    frameworkErrors: answerMalformedUrl,
    // Requests on connections that are being drained are served.
    return503OnClosing: false,
    // A token in a path is longer than the default of 100 characters.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 500 },
  }) as unknown as FastifyInstance;
  app.removeContentTypeParser('text/plain');

  setErrorResponses(app);
  const drain = new Drain(app);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    options.metrics.httpRequests.inc({ route, status: reply.statusCode });
    logAnswer(request, route, reply.statusCode, reply.elapsedTime);
    done();
  });

  const { metrics, readiness, schemas = new Map() } = options;
  addGraphqlRoute(app, { requestTimeoutMs: 4000, ...options });
  addOperationsRoutes(app, {
    metrics,
    readiness,
    schemas,
    readinessTimeoutMs: readinessLimitMs,
    isShuttingDown: () => drain.isShuttingDown,
  });
  if (options.unsubscribe) addUnsubscribeRoutes(app, options.unsubscribe);
  if (options.explorer) addExplorerRoute(app, options.explorer.asksForRouterProof);
  if (options.publishDevelopmentEvent) addDevelopmentEventsRoute(app, options.publishDevelopmentEvent);
  answerUnknownRoutes(app);
  await app.ready();

  return {
    async listen({ host, port }) {
      // Fastify binds a second server for the name `localhost`, which the drain would not see.
      const { address } = await lookup(host);
      await app.listen({ host: address, port });
      return `http://${host.includes(':') ? `[${host}]` : host}:${(app.server.address() as AddressInfo).port}`;
    },
    drain: (times) => drain.run(times),
    inject: app.inject.bind(app),
  };
}

function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && saneRequestId.test(given) ? given : randomUUID();
}

function logAnswer(request: FastifyRequest, route: string, statusCode: number, elapsedMs: number): void {
  const level = route === '/graphql' ? 'info' : 'debug';
  const durationMs = Math.round(elapsedMs * 10) / 10;
  request.log[level]({ method: request.method, route, statusCode, durationMs }, 'answered');
}
