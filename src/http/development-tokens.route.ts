import type { FastifyInstance } from 'fastify';
import { refuseOtherHosts } from './local-callers';

/** The subject and scopes of a development token. */
export interface DevelopmentTokenRequest {
  readonly sub: string;
  readonly scope: string;
}

const schema = {
  type: 'object',
  required: ['sub', 'scope'],
  properties: {
    // The token verifier refuses any other `sub`.
    sub: { type: 'string', pattern: '^[^\\x00-\\x20\\x7f]{1,255}$' },
    scope: { type: 'string', maxLength: 200 },
  },
};

/**
 * Adds `POST /development/tokens`, from which the explorer gets a token of the development issuer by one click.
 * For development only: a token makes its holder any user. It serves loopback addresses under a loopback name only.
 */
export function addDevelopmentTokensRoute(
  app: FastifyInstance,
  issueToken: (request: DevelopmentTokenRequest) => Promise<string>,
): void {
  app.post<{ Body: DevelopmentTokenRequest }>(
    '/development/tokens',
    { schema: { body: schema }, onRequest: refuseOtherHosts },
    async ({ body: { sub, scope } }, reply) => {
      void reply.header('cache-control', 'no-store');
      return { token: await issueToken({ sub, scope }) };
    },
  );
}
