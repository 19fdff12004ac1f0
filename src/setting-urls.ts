import { existsSync } from 'node:fs';
import { z } from 'zod';
import { splitSentinelUrl } from './redis/sentinel-url';

/** Says what is wrong with a URL; null if the driver can use it. Quotes nothing of it. */
type ProblemOf = (text: string) => string | null;

const notEncoded = 'has a % that is not encoded: write %25 for % in a user or password';

/** A text that is described as `allowed` and has no problem. */
const checked = (allowed: string, problemOf: ProblemOf) =>
  z
    .string()
    .superRefine((text, context) => {
      const problem = problemOf(text);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    })
    .describe(allowed);

/** A URL with a host and one of these protocols. */
export const url = (...protocols: string[]) => {
  const allowed = `a URL that starts with ${protocols.map((it) => `${it}://`).join(' or ')}`;
  return checked(allowed, (text) => {
    if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol.slice(0, -1)))
      return `must be ${allowed}`;
    return partsProblem(new URL(text));
  });
};

function partsProblem({ hostname, username, password }: URL): string | null {
  if (hostname === '') return 'names no host';
  return isEncoded(username + password) ? null : notEncoded;
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** The modes that the driver of PostgreSQL knows; it treats any other text as `verify-full`. */
const sslModes = ['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full'];
const databaseUrlText = 'a URL that starts with postgres:// or postgresql://';

/** A URL that the driver of PostgreSQL can use. */
export const databaseUrl = checked(`${databaseUrlText}, with one host and a database`, (text) => {
  if (!/^postgres(ql)?:\/\//.test(text)) return `must be ${databaseUrlText}`;
  if (!isEncoded(text)) return notEncoded;
  const [, authority = ''] = /^[a-z]+:\/\/([^/?]*)/.exec(text) ?? [];
  const [host = '', ...credentials] = authority.split('@').reverse();
  if (credentials.length > 1) return 'has an @ in its user or password that is not encoded: write %40';
  if (host.includes(',') || /[?&]host=[^&]*,/.test(text))
    return 'must name one host, because the driver does not try several: use a proxy or a DNS name that follows the primary';
  // With a socket, the host is empty, which is no valid URL behind a user.
  const withHost = text.replace('@/', '@localhost/').replace('@?', '@localhost?');
  if (!URL.canParse(withHost))
    return 'is not a valid URL: in a user or password write %2F for /, %3A for :, %23 for # and %3F for ?';
  const { pathname, searchParams } = new URL(withHost);
  if (host === '' && !searchParams.get('host'))
    return 'names no host: write postgres://user@host:5432/database';
  if (pathname.length < 2) return 'names no database: write postgres://user@host:5432/database';
  return sslProblem(searchParams);
});

/** A comma-separated list of such URLs. */
export const databaseUrls = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .pipe(z.array(databaseUrl))
  .describe('a comma-separated list of such URLs');

function sslProblem(parameters: URLSearchParams): string | null {
  const mode = parameters.get('sslmode');
  if (mode !== null && !sslModes.includes(mode))
    return `has an unknown sslmode: use one of ${sslModes.join(', ')}`;
  const missing = ['sslrootcert', 'sslcert', 'sslkey'].find((name) => {
    const file = parameters.get(name);
    return file && !existsSync(file);
  });
  return missing ? `names a file in ${missing} that does not exist` : null;
}

const redisUrls =
  'a URL that starts with redis:// or rediss://, a comma-separated list of those, or redis+sentinel://host:port,host:port/name';

/** The URL of Redis, of the nodes of a cluster, or of Sentinels. */
export const redisUrl = checked(redisUrls, (text) => {
  if (text.startsWith('redis+sentinel:')) {
    const hosts = splitSentinelUrl(text)?.hosts;
    if (!hosts?.every((host) => URL.canParse(`redis://${host}`))) return `must be ${redisUrls}`;
    return isEncoded(text) ? null : notEncoded;
  }
  const [first = '', ...others] = text.split(',');
  const scheme = /^rediss?:\/\//.exec(first)?.[0];
  const nodes = [first, ...others.map((node) => (node.includes('://') ? node : `${scheme}${node}`))];
  if (!nodes.every((node) => scheme && node.startsWith(scheme) && node !== scheme && URL.canParse(node)))
    return `must be ${redisUrls}`;
  const urls = nodes.map((node) => new URL(node));
  const problem = urls.map(partsProblem).find((it) => it !== null);
  if (problem) return problem;
  const indexes = urls.map((it) => it.pathname.slice(1) || (it.searchParams.get('db') ?? '0'));
  return indexes.every((index) => /^\d+$/.test(index)) ? null : 'has a database that is not a number';
});
