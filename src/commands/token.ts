import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { packageRoot } from '../package-root';

export interface TokenCommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** The folder with the development issuer's key; defaults to `.data` of the package. */
  readonly dataDirectory?: string;
}

interface TokenFlags {
  readonly sub: string;
  readonly scope: string;
  readonly expiresIn: number;
  readonly email?: string;
  readonly json?: true;
}

const unitsInSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/**
 * Adds `token`: prints only an access token of the development issuer. Exits with 1 when tokens come from the
 * AuthenticationService: in production, and when an AUTH_ setting is set.
 */
export function registerTokenCommand(program: Command, options: TokenCommandOptions = {}): void {
  const { env = process.env, dataDirectory = join(packageRoot(), '.data') } = options;
  program
    .command('token')
    .description('print a development access token')
    .requiredOption('--sub <id>', 'user id that the token is for', parseSub)
    .option('--scope <scopes>', 'space-separated, such as "users:read users:write"', parseScope, '')
    .option('--email <address>', 'the verified e-mail address of the person')
    .option('--expires-in <time>', 'seconds, or a number with s, m, h or d', parseSeconds, 3_600)
    .option('--json', 'print a JSON document with the token and its claims')
    .action(async (flags: TokenFlags) => {
      const reason = whyRefused(env);
      if (reason) {
        process.stderr.write(`error: ${reason}\n`);
        process.exitCode = 1;
        return;
      }
      const { sub, scope, email, expiresIn: expiresInSeconds } = flags;
      const expiresAt = new Date(Date.now() + expiresInSeconds * 1_000).toISOString();
      const { openDevelopmentIssuer } = await import('../authentication/development-issuer');
      const { issuer, audience, issueToken } = await openDevelopmentIssuer(dataDirectory);
      const token = await issueToken({
        sub,
        scope,
        expiresInSeconds,
        ...(email !== undefined && { verifiedEmail: email }),
      });
      const document = {
        token,
        sub,
        scope,
        ...(email !== undefined && { email }),
        issuer,
        audience,
        expiresAt,
      };
      process.stdout.write(`${flags.json ? JSON.stringify(document) : token}\n`);
    });
}

/** Returns why no development token can be issued, or null if it can. */
function whyRefused(env: NodeJS.ProcessEnv): string | null {
  if (env.NODE_ENV === 'production') return 'there is no development issuer in production (NODE_ENV)';
  const named = ['AUTH_JWKS_URL', 'AUTH_ISSUER', 'AUTH_AUDIENCE'].filter((name) => env[name]);
  if (named.length > 0) return `tokens come from the AuthenticationService (${named.join(', ')} set)`;
  return null;
}

function parseSub(value: string): string {
  // The token verifier refuses any other `sub`.
  if (/^[^\x00-\x20\x7f]{1,255}$/.test(value)) return value;
  throw new InvalidArgumentError('An id has 1 to 255 characters and no spaces.');
}

function parseScope(value: string): string {
  return value
    .split(/[\s,]+/)
    .filter(Boolean)
    .join(' ');
}

/** Returns the number of seconds of a time such as `90`, `15m` or `1d`. */
function parseSeconds(value: string): number {
  const [, digits, unit = 's'] = /^([1-9]\d{0,5})([smhd])?$/.exec(value) ?? [];
  if (!digits) throw new InvalidArgumentError('Expected a time such as 90, 90s, 15m, 8h or 1d.');
  return Number(digits) * unitsInSeconds[unit as keyof typeof unitsInSeconds];
}
