import type { FastifyInstance } from 'fastify';
import { refuseOtherHosts } from './local-callers';

/** A message that a developer publishes by hand. */
export interface DevelopmentEvent {
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string;
  readonly type: string;
  readonly contentType: string;
  readonly body: string;
}

const schema = {
  type: 'object',
  required: ['exchange', 'routingKey', 'messageId', 'type', 'contentType', 'body'],
  properties: Object.fromEntries(
    ['routingKey', 'messageId', 'type', 'contentType', 'body'].map((name) => [name, { type: 'string' }]),
  ),
};

/**
 * Adds `POST /development/events`, through which `user-service emit` reaches the in-process broker.
 * For development only: callers can forge events of other services. It serves loopback addresses under a loopback
 * name only.
 */
export function addDevelopmentEventsRoute(
  app: FastifyInstance,
  publish: (event: DevelopmentEvent) => Promise<void>,
): void {
  const body = { ...schema, properties: { ...schema.properties, exchange: { enum: inboundExchanges } } };
  app.post<{ Body: DevelopmentEvent }>(
    '/development/events',
    { schema: { body }, onRequest: refuseOtherHosts },
    async (request, reply) => {
      await publish(request.body);
      return reply.code(202).send({ status: 'published' });
    },
  );
}

const inboundExchanges = ['order.events', 'payment.events', 'loyalty.events', 'authentication.events'];
