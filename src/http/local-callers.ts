import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorBody } from './error-responses';

const loopbackAddress = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/;
const loopbackName = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/**
 * Responds 403 to callers on other machines, and under a name that is not loopback: a web page could reach the route
 * through a name that resolves to 127.0.0.1. A hook for routes that exist in development only.
 */
export function refuseOtherHosts(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { host, origin } = request.headers;
  const isLocal = loopbackAddress.test(request.socket.remoteAddress ?? '') && loopbackName.test(host ?? '');
  if (isLocal && (origin === undefined || loopbackName.test(origin.replace(/^https?:\/\//, ''))))
    return done();
  const message = 'This route is for callers on the same machine.';
  void reply.code(403).send(errorBody(message, { code: 'FORBIDDEN', requestId: request.id }));
}
