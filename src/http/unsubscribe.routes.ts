import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { UnsubscribeLinks } from '../consent/unsubscribe-links';
import { readTraceparent } from '../telemetry/traceparent';
import { RequestTimeoutError, withinDeadline } from './deadline';
import { RateLimit } from './rate-limit';
import { confirmationPage, donePage, errorPage, unsubscribePageHeaders } from './unsubscribe-page';

export interface UnsubscribeRoutesOptions {
  links: Pick<UnsubscribeLinks, 'read' | 'follow'>;
  /** True for errors that mean PostgreSQL is unavailable. */
  isUnavailable: (error: unknown) => boolean;
}

const html = 'text/html; charset=utf-8';
/** Enough for a form with one field, whatever its encoding adds. */
const bodyLimitBytes = 4096;
const requestTimeoutMs = 4000;
/** Counts all uses of one link, by any client. */
const clicksPerMinute = 10;

interface Link {
  Params: { token: string };
}

/**
 * Adds one-click unsubscribing (RFC 8058): `POST` from a mail client turns one topic off. It needs no cookie, access
 * token or redirect. `GET` changes nothing and returns a page with a button that sends the `POST`.
 */
export function addUnsubscribeRoutes(app: FastifyInstance, options: UnsubscribeRoutesOptions): void {
  const { links, isUnavailable } = options;
  const clicks = new RateLimit(clicksPerMinute, 60_000);

  // A scope of its own: only these routes parse forms and respond with HTML.
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data', /^text\//])
      scope.addContentTypeParser(
        type,
        { parseAs: 'buffer', bodyLimit: bodyLimitBytes },
        (_request, body, done) => done(null, body),
      );
    // An empty body counts, whatever its type.
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: bodyLimitBytes },
      (_request, body, done) => {
        if (body.length === 0) return done(null, body);
        done(Object.assign(new Error('the body is not a form'), { statusCode: 415 }));
      },
    );
    scope.addHook('onRequest', (_request, reply, done) => {
      void reply.headers(unsubscribePageHeaders).type(html);
      done();
    });
    scope.setErrorHandler((error: FastifyError, request, reply) => {
      void reply.type(html);
      if (error.statusCode !== undefined && error.statusCode < 500)
        return reply.code(error.statusCode).send(errorPage(notOneClick));
      const unavailable = isUnavailable(error) || error instanceof RequestTimeoutError;
      request.log[unavailable ? 'warn' : 'error']({ err: error }, 'unsubscribing failed');
      if (unavailable) void reply.header('retry-after', '60');
      return reply
        .code(unavailable ? 503 : 500)
        .send(errorPage('Unsubscribing failed. Please try again later.'));
    });

    scope.get<Link>('/unsubscribe/:token', async (request, reply) => {
      const claims = await links.read(request.params.token);
      return claims ? confirmationPage(claims.topic) : refuseLink(reply);
    });

    scope.post<Link>('/unsubscribe/:token', { bodyLimit: bodyLimitBytes }, (request, reply) =>
      withinDeadline({ request, reply, timeoutMs: requestTimeoutMs }, async () => {
        const claims = await links.read(request.params.token);
        if (!claims) return refuseLink(reply);
        if (!(await isOneClick(request))) return reply.code(400).send(errorPage(notOneClick));
        const seconds = clicks.secondsToWait(`${claims.userId} ${claims.topic}`);
        if (seconds > 0) return refuseTooManyRequests(reply, seconds);
        await links.follow(claims, readTraceparent(request.headers.traceparent));
        return donePage(claims.topic);
      }),
    );
  });
}

const notOneClick = 'This URL accepts only the form field List-Unsubscribe=One-Click.';

function refuseLink(reply: FastifyReply): FastifyReply {
  return reply
    .code(404)
    .send(errorPage('This link is not valid. Please use the link exactly as it is in the e-mail.'));
}

function refuseTooManyRequests(reply: FastifyReply, seconds: number): FastifyReply {
  void reply.header('retry-after', String(seconds));
  return reply.code(429).send(errorPage('This link was used too often. Please try again later.'));
}

/**
 * True if the body is the form that RFC 8058 requires, in either of its two encodings. An empty body and plain text
 * count as well, because some mail programs send those; the token has already proved the request.
 */
async function isOneClick({ body, headers }: FastifyRequest<Link>): Promise<boolean> {
  if (!Buffer.isBuffer(body) || body.length === 0) return true;
  const type = headers['content-type'] ?? '';
  if (/^text\//i.test(type)) return true;
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } })
    .formData()
    .catch(() => null);
  return form?.get('List-Unsubscribe') === 'One-Click';
}
