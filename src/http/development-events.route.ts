import type { FastifyInstance } from 'fastify';

/** A message that somebody wants to try out. */
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
 * Adds the way in for `user-service emit` where the broker is inside the process: nobody else could reach it.
 * Only for development: whoever can post here can make up what happened to users.
 */
export function addDevelopmentEventsRoute(
  app: FastifyInstance,
  publish: (event: DevelopmentEvent) => Promise<void>,
): void {
  const body = { ...schema, properties: { ...schema.properties, exchange: { enum: inboundExchanges } } };
  app.post<{ Body: DevelopmentEvent }>(
    '/development/events',
    { schema: { body } },
    async (request, reply) => {
      await publish(request.body);
      return reply.code(202).send({ status: 'published' });
    },
  );
}

const inboundExchanges = ['order.events', 'payment.events', 'loyalty.events'];
