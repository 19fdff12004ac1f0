import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { UnsubscribeLinks } from '../consent/unsubscribe-links';
import { readTraceparent } from '../telemetry/traceparent';
import { RequestTimeoutError, withinDeadline } from './deadline';
import { RateLimit } from './rate-limit';
import { askingPage, donePage, refusingPage, unsubscribePageHeaders } from './unsubscribe-page';

export interface UnsubscribeRoutesOptions {
  links: Pick<UnsubscribeLinks, 'read' | 'follow'>;
  /** True for errors that mean PostgreSQL could not be asked. */
  isUnavailable: (error: unknown) => boolean;
}

const html = 'text/html; charset=utf-8';
/** A form of one field; larger than any program sends it. */
const bodyLimitBytes = 4096;
const answerTimeoutMs = 4000;
/** Every click on one link within a minute, by whomever. */
const clicksPerMinute = 10;

interface Link {
  Params: { token: string };
}

/**
 * Adds the links in mails (RFC 8058): a mail program's `POST` turns one topic off, without a cookie, a token or a
 * redirect; `GET` shows a person a button that does the same, and changes nothing.
 */
export function addUnsubscribeRoutes(app: FastifyInstance, options: UnsubscribeRoutesOptions): void {
  const { links, isUnavailable } = options;
  const clicks = new RateLimit(clicksPerMinute, 60_000);

  // Apart from the other routes: forms are read here and nowhere else, and answers are for people.
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      ['application/x-www-form-urlencoded', 'multipart/form-data'],
      { parseAs: 'buffer', bodyLimit: bodyLimitBytes },
      (_request, body, done) => done(null, body),
    );
    scope.addHook('onRequest', (_request, reply, done) => {
      void reply.headers(unsubscribePageHeaders).type(html);
      done();
    });
    scope.setErrorHandler((error: FastifyError, request, reply) => {
      void reply.type(html);
      if (error.statusCode !== undefined && error.statusCode < 500)
        return reply.code(error.statusCode).send(refusingPage(notOneClick));
      const away = isUnavailable(error) || error instanceof RequestTimeoutError;
      request.log[away ? 'warn' : 'error']({ err: error }, 'could not unsubscribe');
      if (away) void reply.header('retry-after', '60');
      return reply.code(away ? 503 : 500).send(refusingPage('This did not work. Please try again later.'));
    });

    scope.get<Link>('/unsubscribe/:token', async (request, reply) => {
      const claims = await links.read(request.params.token);
      return claims ? askingPage(claims.topic) : refuseLink(reply);
    });

    scope.post<Link>('/unsubscribe/:token', { bodyLimit: bodyLimitBytes }, (request, reply) =>
      withinDeadline(request, reply, answerTimeoutMs, async () => {
        const claims = await links.read(request.params.token);
        if (!claims) return refuseLink(reply);
        if (!(await isOneClick(request))) return reply.code(400).send(refusingPage(notOneClick));
        const seconds = clicks.secondsToWait(`${claims.userId} ${claims.topic}`);
        if (seconds > 0) return refuseHaste(reply, seconds);
        await links.follow(claims, readTraceparent(request.headers.traceparent));
        return donePage(claims.topic);
      }),
    );
  });
}

const notOneClick = 'This address takes the form field List-Unsubscribe=One-Click and nothing else.';

function refuseLink(reply: FastifyReply): FastifyReply {
  return reply
    .code(404)
    .send(refusingPage('This link is not valid. Please use the link as it is in the mail.'));
}

function refuseHaste(reply: FastifyReply, seconds: number): FastifyReply {
  void reply.header('retry-after', String(seconds));
  return reply
    .code(429)
    .send(refusingPage('This link was used very often just now. Please try again later.'));
}

/** Whether the form says what RFC 8058 asks for, in whichever of its two encodings. */
async function isOneClick({ body, headers }: FastifyRequest<Link>): Promise<boolean> {
  if (!Buffer.isBuffer(body)) return false;
  const type = headers['content-type'] ?? '';
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } })
    .formData()
    .catch(() => null);
  return form?.get('List-Unsubscribe') === 'One-Click';
}
