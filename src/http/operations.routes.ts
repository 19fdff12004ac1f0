import type { FastifyInstance } from 'fastify';
import { TimeoutError, within } from '../scheduling/within';
import type { Metrics } from '../telemetry/metrics';

export interface Readiness {
  /** True while PostgreSQL responds and all pools of connections to it are open. */
  ready: boolean;
  /** Names of unavailable services that requests can do without, such as `redis`. */
  degraded: string[];
}

export interface HealthRoutesOptions {
  readiness: () => Promise<Readiness>;
  isShuttingDown: () => boolean;
  readinessTimeoutMs: number;
}

/** Adds liveness and readiness. */
export function addHealthRoutes(
  app: FastifyInstance,
  { readiness, isShuttingDown, readinessTimeoutMs }: HealthRoutesOptions,
): void {
  // Checks no dependency, because a restart would repair none of them.
  app.get('/health/live', () => ({ status: 'live' }));

  app.get('/health/ready', async (request, reply) => {
    void reply.header('cache-control', 'no-store');
    if (isShuttingDown()) return reply.code(503).send({ status: 'unavailable', reason: 'shutting down' });
    const unavailable = (reason: string) => reply.code(503).send({ status: 'unavailable', reason });
    try {
      const result = await within(readiness(), readinessTimeoutMs, 'PostgreSQL did not respond in time');
      if (!result.ready) return await unavailable('PostgreSQL is unavailable');
      return { status: 'ready', degraded: result.degraded };
    } catch (error) {
      if (error instanceof TimeoutError) return unavailable(error.message);
      request.log.warn({ err: error }, 'readiness check failed');
      return unavailable('PostgreSQL is unavailable');
    }
  });
}

/** Adds the metrics in Prometheus's format, or in OpenMetrics, which has exemplars, for a client that accepts it. */
export function addMetricsRoute(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async ({ headers }, reply) => {
    const acceptsOpenMetrics = headers.accept?.includes('application/openmetrics-text');
    const registry = acceptsOpenMetrics ? metrics.openMetrics : metrics.registry;
    void reply.type(registry.contentType);
    return registry.metrics();
  });
}

/**
 * Adds the JSON Schemas of published messages.
 *
 * @param schemas by URL path, such as `/schemas/UserCreated/1.0.0.json`
 */
export function addSchemaRoutes(app: FastifyInstance, schemas: ReadonlyMap<string, object>): void {
  app.get('/schemas/*', (request, reply) => {
    const schema = schemas.get(request.url.split('?', 1)[0] ?? '');
    if (schema === undefined) return reply.callNotFound();
    return reply.type('application/schema+json').send(JSON.stringify(schema));
  });
}
