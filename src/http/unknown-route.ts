import type { FastifyInstance, HTTPMethods } from 'fastify';
import { errorBody } from './error-responses';

const methods: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * Responds with JSON when no route matches: 405 with `Allow` when only the method is wrong, else 404. OPTIONS gets 204
 * with `Allow`.
 */
export function respondToUnknownRoutes(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) => {
    const url = request.url.split('?', 1)[0] ?? '/';
    const allowed: string[] = methods.filter((method) => app.findRoute({ method, url }) !== null);
    if (allowed.length === 0 || allowed.includes(request.method)) {
      return reply.code(404).send(errorBody('No route has this URL.', { code: 'NOT_FOUND' }));
    }
    if (request.method === 'OPTIONS')
      return reply
        .code(204)
        .header('allow', `${allowed.join(', ')}, OPTIONS`)
        .send();
    void reply.header('allow', allowed.join(', '));
    return reply.code(405).send(errorBody(`Use ${allowed.join(', ')}.`, { code: 'METHOD_NOT_ALLOWED' }));
  });
}
