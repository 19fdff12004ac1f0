import { z } from 'zod';

/** A URL with one of these protocols. */
export const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol.slice(0, -1)), {
    error: `must be a URL that starts with ${protocols.map((it) => `${it}://`).join(' or ')}`,
  });

/** A URL that the driver of PostgreSQL can use. */
export const databaseUrl = z.string().superRefine((text, context) => {
  const problem = databaseUrlProblem(text);
  if (problem !== null) context.addIssue({ code: 'custom', message: problem });
});

/** Says what is wrong with a URL of PostgreSQL; null if the driver can use it. Quotes nothing of it. */
function databaseUrlProblem(text: string): string | null {
  if (!/^postgres(ql)?:\/\//.test(text)) return 'must be a URL that starts with postgres:// or postgresql://';
  if (/%(?![\da-f]{2})/i.test(text))
    return 'has a % that is not encoded: write %25 for % in a user or password';
  const [, authority = ''] = /^[a-z]+:\/\/([^/?]*)/.exec(text) ?? [];
  const [host, ...credentials] = authority.split('@').reverse();
  if (credentials.length > 1) return 'has an @ in its user or password that is not encoded: write %40';
  if (host?.includes(',') || /[?&]host=[^&]*,/.test(text))
    return 'must name one host, because the driver does not try several: use a proxy or a DNS name that follows the primary';
  // With a socket, the host is empty, which is no valid URL behind a user.
  if (URL.canParse(text.replace('@/', '@localhost/').replace('@?', '@localhost?'))) return null;
  return 'is not a valid URL: in a user or password write %2F for /, %3A for :, %23 for # and %3F for ?';
}

const sentinelUrl = /^redis\+sentinel:\/\/([^@/]*@)?[^,/@]+(,[^,/@]+)*\/[^/?]+(\/\d+)?$/;
/** The URL of Redis, of the nodes of a cluster, or of Sentinels. */
export const redisUrl = z.string().refine(
  (text) => {
    if (text.startsWith('redis+sentinel:')) return sentinelUrl.test(text);
    const [first = '', ...others] = text.split(',');
    const scheme = /^rediss?:\/\//.exec(first)?.[0];
    const nodes = [first, ...others.map((node) => (node.includes('://') ? node : `${scheme}${node}`))];
    return (
      scheme !== undefined &&
      nodes.every((node) => node.length > scheme.length && node.startsWith(scheme) && URL.canParse(node))
    );
  },
  {
    error:
      'must be a URL that starts with redis:// or rediss://, a comma-separated list of those, or redis+sentinel://host:port,host:port/name',
  },
);
