import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../telemetry/metrics';

export interface Readiness {
  /** Whether requests can be served: PostgreSQL answers. */
  ready: boolean;
  /** Names of what is away without stopping service, such as `redis`. */
  degraded: string[];
}

export interface OperationsRoutesOptions {
  readiness: () => Promise<Readiness>;
  isShuttingDown: () => boolean;
  readinessTimeoutMs: number;
  metrics: Metrics;
  /** JSON Schemas of published messages by their URL path, such as `/schemas/UserCreated/1.0.0.json`. */
  schemas: ReadonlyMap<string, object>;
}

/** Adds what operators and machines ask: liveness, readiness, metrics, and the schemas of messages. */
export function addOperationsRoutes(app: FastifyInstance, options: OperationsRoutesOptions): void {
  const { readiness, isShuttingDown, readinessTimeoutMs, metrics, schemas } = options;

  // Never asks a dependency: a restart cures none of them.
  app.get('/health/live', () => ({ status: 'live' }));

  app.get('/health/ready', async (request, reply) => {
    void reply.header('cache-control', 'no-store');
    if (isShuttingDown()) return reply.code(503).send({ status: 'unavailable', reason: 'shutting down' });
    const unavailable = (reason: string) => reply.code(503).send({ status: 'unavailable', reason });
    try {
      const answer = await within(readinessTimeoutMs, readiness());
      if (answer === undefined) return await unavailable('PostgreSQL does not answer in time');
      if (!answer.ready) return await unavailable('PostgreSQL is away');
      return { status: 'ready', degraded: answer.degraded };
    } catch (error) {
      request.log.warn({ err: error }, 'readiness could not be determined');
      return unavailable('PostgreSQL is away');
    }
  });

  app.get('/metrics', async (_request, reply) => {
    void reply.type(metrics.registry.contentType);
    return metrics.registry.metrics();
  });

  app.get('/schemas/*', (request, reply) => {
    const schema = schemas.get(request.url.split('?', 1)[0] ?? '');
    if (schema === undefined) return reply.callNotFound();
    return reply.type('application/schema+json').send(JSON.stringify(schema));
  });
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
