import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorBody } from './error-responses';

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
 * For development only: callers can forge events of other services. It serves loopback addresses, under a loopback
 * name only: otherwise a web page could reach it through a name that resolves to 127.0.0.1.
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

const loopbackAddress = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/;
const loopbackName = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

function refuseOtherHosts(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { host, origin } = request.headers;
  const isLocal = loopbackAddress.test(request.socket.remoteAddress ?? '') && loopbackName.test(host ?? '');
  if (isLocal && (origin === undefined || loopbackName.test(origin.replace(/^https?:\/\//, ''))))
    return done();
  const message = 'Development events are accepted from this machine only.';
  void reply.code(403).send(errorBody(message, { code: 'FORBIDDEN', requestId: request.id }));
}

const inboundExchanges = ['order.events', 'payment.events', 'loyalty.events'];
