import { isUtf8 } from 'node:buffer';
import { lookup } from 'node:dns/promises';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApolloServer, BaseContext } from '@apollo/server';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { settings } from '../settings';
import type { Logger } from '../telemetry/logger';
import type { Metrics } from '../telemetry/metrics';
import type { Tracing } from '../telemetry/tracing';
import { Concurrency, type ConcurrencyLimits } from './concurrency';
import { addDevelopmentEventsRoute, type DevelopmentEvent } from './development-events.route';
import { addDevelopmentTokensRoute, type DevelopmentTokenRequest } from './development-tokens.route';
import { Drain, type DrainTimes } from './drain';
import { setErrorResponses } from './error-responses';
import { addGraphqlRoute } from './graphql.route';
import type { HttpRequest } from './http-request';
import { respondToClientError, respondToMalformedUrl } from './malformed-requests';
import {
  addHealthRoutes,
  addMetricsRoute,
  addSchemaRoutes,
  type HealthRoutesOptions,
  type Readiness,
} from './operations.routes';
import { PreparedQueryListener, type PreparedResponse } from './prepared-query-listener';
import { requestIdOf } from './request-id';
import { createResponseReport, type LoggedRequests } from './response-report';
import { respondToUnknownRoutes } from './unknown-route';
import { addUnsubscribeRoutes, type UnsubscribeRoutesOptions } from './unsubscribe.routes';
import { closeWaitingResponses } from './waiting-responses';

export interface HttpServerOptions<Context extends BaseContext> {
  /** A started ApolloServer. On shutdown call `drain` first, then `apollo.stop()`. */
  apollo: ApolloServer<Context>;
  /** Creates the GraphQL context of one request. */
  context: (request: HttpRequest) => Promise<Context>;
  /** Returns the response to a prepared query, or null if `apollo` has to run the request. */
  respondToQuery?: (body: unknown, createContext: () => Promise<Context>) => Promise<PreparedResponse | null>;
  /** True if the value of the `Router-Authorization` header proves that the router sent this request. */
  routerProof: (header: string | undefined) => boolean;
  readiness: () => Promise<Readiness>;
  metrics: Metrics;
  log: Logger;
  /** Creates a span for each request to /graphql. Null or absent: no spans. */
  tracing?: Tracing | null;
  /** Adds the explorer page. Absent: `GET /` responds with 404. */
  addExplorer?: ((app: FastifyInstance) => void) | undefined;
  /** Publishes events to the in-process broker. Absent: the route is not added. */
  publishDevelopmentEvent?: ((event: DevelopmentEvent) => Promise<void>) | undefined;
  /** Issues development tokens to the explorer. Absent: the route is not added. */
  issueDevelopmentToken?: ((request: DevelopmentTokenRequest) => Promise<string>) | undefined;
  /** Handles unsubscribe links in e-mails. Absent: the routes are not added. */
  unsubscribe?: UnsubscribeRoutesOptions;
  /** The port of `/health/*` and `/metrics`; 0 selects a free one. Null or absent: they are on the main port. */
  managementPort?: number | null;
  bodyLimitBytes: number;
  /** Which requests are logged when they complete; defaults to `all`. */
  logRequests?: LoggedRequests;
  /** Defaults to the defaults of `LIMIT_CONCURRENCY` and `LIMIT_ACTOR_CONCURRENCY`. */
  concurrency?: ConcurrencyLimits;
  /** Returns the id of the caller, or null without a valid access token. Absent: no caller has an id. */
  actorId?: (request: HttpRequest) => Promise<string | null> | null;
  /** Time after which an unfinished GraphQL request gets SERVICE_UNAVAILABLE. Defaults to 4,000. */
  requestTimeoutMs?: number;
  /** Time without a byte after which a connection with an unfinished response is closed. Defaults to 12,000. */
  stalledConnectionTimeoutMs?: number;
  /** JSON Schemas of published messages by their URL path, such as `/schemas/UserCreated/1.0.0.json`. */
  schemas?: ReadonlyMap<string, object>;
}

export interface HttpServer {
  /** Starts listening and resolves to the URL. Port 0 selects a free port. */
  listen(address: { host: string; port: number }): Promise<string>;
  /** Stops accepting connections and finishes the requests in flight; see {@link Drain.run}. */
  drain(times: DrainTimes): Promise<void>;
  /** Calls a route without a socket, for tests. */
  inject: FastifyInstance['inject'];
}

const readinessLimitMs = 1000;
const headersTimeoutMs = 5000;
const receiveTimeoutMs = 10_000;
// Longer than the idle timeout of common load balancers (60 s), so that the balancer closes idle connections first.
const keepAliveTimeoutMs = 65_000;
const connectionsCheckIntervalMs = 1000;
// Longer than the timeouts of receiving and responding, which send an error first.
const stalledConnectionTimeoutMs = 12_000;

const defaultConcurrency: ConcurrencyLimits = {
  total: settings.LIMIT_CONCURRENCY.fallback,
  perActor: settings.LIMIT_ACTOR_CONCURRENCY.fallback,
};

/** Creates the HTTP server with all routes. It does not listen yet. */
export async function createHttpServer<Context extends BaseContext>(
  options: HttpServerOptions<Context>,
): Promise<HttpServer> {
  const { metrics, log, logRequests = 'all' } = options;
  const shared = {
    requestTimeoutMs: options.requestTimeoutMs ?? 4000,
    concurrency: new Concurrency(options.concurrency ?? defaultConcurrency),
    actorId: options.actorId ?? (() => null),
  };
  const report = createResponseReport(metrics, logRequests);
  const preparedQueries = new PreparedQueryListener<Context>({
    ...options,
    ...shared,
    respondToQuery: options.respondToQuery ?? (async () => null),
    tracing: options.tracing ?? null,
    isDraining: () => drain.isShuttingDown,
    closesConnections: () => drain.closesConnections,
    onResponse: (request, statusCode, elapsedMs) =>
      report({ method: 'POST', route: '/graphql', statusCode, elapsedMs, log: () => request.log }),
  });
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: (message) => preparedQueries.handedOver(message)?.request.id ?? requestIdOf(message),
    bodyLimit: options.bodyLimitBytes,
    requestTimeout: receiveTimeoutMs,
    connectionTimeout: options.stalledConnectionTimeoutMs ?? stalledConnectionTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: connectionsCheckIntervalMs },
    clientErrorHandler: respondToClientError,
    frameworkErrors: respondToMalformedUrl,
    // While draining, requests on open connections are still served.
    return503OnClosing: false,
    // Unsubscribe tokens are longer than the default of 100 characters.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 500 },
  }) as unknown as FastifyInstance;
  app.removeContentTypeParser('text/plain');
  parseOnlyUtf8(app);

  setErrorResponses(app, options.metrics);
  const drain = new Drain(app);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions, log } = request;
    const { statusCode, elapsedTime: elapsedMs } = reply;
    report({ method, route: routeOptions.url ?? 'unknown', statusCode, elapsedMs, log: () => log });
    done();
  });

  const { readiness, schemas = new Map() } = options;
  const handedOver: PreparedQueryListener<Context>['handedOver'] = (message) =>
    preparedQueries.handedOver(message);
  addGraphqlRoute(app, { ...options, ...shared, handedOver });
  const [listener] = app.server.listeners('request') as RequestListener[];
  app.server.removeAllListeners('request');
  closeWaitingResponses(app.server);
  app.server.on('request', preparedQueries.listener(listener as RequestListener));
  const health = {
    readiness,
    readinessTimeoutMs: readinessLimitMs,
    isShuttingDown: () => drain.isShuttingDown,
  };
  addHealthRoutes(app, health);
  const management =
    options.managementPort === null || options.managementPort === undefined
      ? null
      : createManagementServer(health, options);
  if (!management) addMetricsRoute(app, metrics);
  addSchemaRoutes(app, schemas);
  if (options.unsubscribe) addUnsubscribeRoutes(app, options.unsubscribe);
  options.addExplorer?.(app);
  if (options.publishDevelopmentEvent) addDevelopmentEventsRoute(app, options.publishDevelopmentEvent);
  if (options.issueDevelopmentToken) addDevelopmentTokensRoute(app, options.issueDevelopmentToken);
  respondToUnknownRoutes(app);
  await app.ready();

  return {
    async listen({ host, port }) {
      // For the name `localhost` Fastify binds a second server, which Drain would not track.
      const { address } = await lookup(host);
      if (management) await management.listen({ host: address, port: options.managementPort ?? 0 });
      await app.listen({ host: address, port });
      return `http://${host.includes(':') ? `[${host}]` : host}:${(app.server.address() as AddressInfo).port}`;
    },
    async drain(times) {
      await drain.run(times);
      await management?.close();
    },
    inject: app.inject.bind(app),
  };
}

/** Refuses bodies that are not UTF-8 (HTTP 400): decoding would replace what it cannot read. */
function parseOnlyUtf8(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (isUtf8(body as Buffer)) return parse(request, body.toString(), done);
    done(Object.assign(new Error('the body is not UTF-8'), { statusCode: 400 }));
  });
}

/** Creates the server of the management port. Health stays available there until the main server has drained. */
function createManagementServer(
  health: HealthRoutesOptions,
  { log, metrics }: { log: Logger; metrics: Metrics },
): FastifyInstance {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    forceCloseConnections: true,
    clientErrorHandler: respondToClientError,
    frameworkErrors: respondToMalformedUrl,
  }) as unknown as FastifyInstance;
  setErrorResponses(app, metrics);
  addHealthRoutes(app, health);
  addMetricsRoute(app, metrics);
  respondToUnknownRoutes(app);
  return app;
}
