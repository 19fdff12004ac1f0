import { join } from 'node:path';
import type { z } from 'zod';
import { packageRoot } from './package-root';
import { type loggedRequests, type logLevels, type Setting, settings } from './settings';

/** The validated settings of the process. */
export interface Config {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  /** The port of `/health/*` and `/metrics`; null: `port`. */
  readonly managementPort: number | null;
  /** Without a trailing slash; null: the URL of HOST and PORT, and in production none. */
  readonly publicUrl: string | null;
  /** null: the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  /** Empty: all reads go to `databaseUrl`. */
  readonly databaseReplicaUrls: readonly string[];
  /** null: the in-process cache. */
  readonly redisUrl: string | null;
  /** null: the in-process broker. */
  readonly amqpUrl: string | null;
  /** null: the development issuer. */
  readonly authentication: {
    readonly jwksUrl: string;
    readonly issuer: string;
    readonly audience: string;
  } | null;
  readonly routerSecrets: readonly string[];
  /** Where the router learns which cached users changed; null: nowhere. */
  readonly routerInvalidation: { readonly url: string; readonly key: string } | null;
  /** What users can do to themselves only soon after a sign-in. */
  readonly recentSignInFor: ReadonlySet<'erase' | 'export' | 'email'>;
  readonly authenticationServiceUrl: string | null;
  readonly eventProfile: 'full' | 'catalog';
  readonly logLevel: (typeof logLevels)[number];
  /** Which requests are logged when they complete. */
  readonly logRequests: (typeof loggedRequests)[number];
  /** null: no tracing. */
  readonly otlpEndpoint: string | null;
  readonly otelServiceName: string;
  readonly limits: {
    readonly representations: number;
    readonly aliases: number;
    readonly depth: number;
    readonly tokens: number;
    readonly cost: number;
  };
  /** Maximum concurrent operations on this replica. */
  readonly concurrency: {
    readonly total: number;
    readonly perActor: number;
  };
  /** How long repeated reads share an audit entry; 0: each has its own. */
  readonly auditReadWindowSeconds: number;
  /** Days after which erasures that people request for themselves are due. */
  readonly erasureGraceDays: number;
  /** When inactive users are warned and deactivated; null: never. */
  readonly inactivity: {
    readonly days: number;
    readonly warningDays: number;
    readonly countsFromCommit: boolean;
  } | null;
  /** Directory for the files of embedded services and the development issuer. */
  readonly dataDirectory: string;
  /** Days after which data are deleted, by setting; null: never. */
  readonly retention: {
    readonly RETENTION_DEACTIVATED_DAYS: number | null;
    readonly RETENTION_HISTORY_DAYS: number | null;
    readonly PARKED_RETENTION_DAYS: number | null;
    readonly OUTBOX_RETENTION_DAYS: number;
    readonly WAITING_DAYS: number;
  };
}

/** Lists all problems of the environment. The process exits with 78 (EX_CONFIG). */
export class ConfigError extends Error {
  override name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(
      `The configuration has ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}:\n${problems.map((it) => `  - ${it}`).join('\n')}`,
    );
  }
}

const minimumSecretLength = 16;

type SettingName = keyof typeof settings;
type Output<N extends SettingName> =
  | z.output<(typeof settings)[N]['schema']>
  | (typeof settings)[N]['fallback'];

/**
 * Returns the configuration read from the environment. An empty variable counts as unset.
 *
 * @throws ConfigError with every problem, by name of the variable; it never quotes values, which may be secrets
 */
export function loadConfig(env: NodeJS.ProcessEnv, folder = packageRoot()): Config {
  const problems: string[] = [];
  const production = env.NODE_ENV?.trim() === 'production';

  function read<N extends SettingName>(name: N): Output<N> {
    const text = env[name]?.trim();
    const { schema, fallback, requiredInProduction }: Setting = settings[name];
    if (!text) {
      if (production && requiredInProduction) problems.push(`${name} is required when NODE_ENV=production`);
      return fallback as Output<N>;
    }
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data as Output<N>;
    problems.push(`${name} ${parsed.error.issues[0]?.message}`);
    return fallback as Output<N>;
  }

  // Validated although unused: a misspelled `production` must not start a development service.
  read('NODE_ENV');
  const eventProfile = read('EVENT_PROFILE');
  const config: Config = {
    production,
    host: read('HOST'),
    port: read('PORT'),
    managementPort: read('MANAGEMENT_PORT'),
    publicUrl: read('PUBLIC_URL')?.replace(/\/+$/, '') ?? null,
    databaseUrl: read('DATABASE_URL'),
    databaseReplicaUrls: read('DATABASE_REPLICA_URL') ?? [],
    redisUrl: read('REDIS_URL'),
    amqpUrl: read('AMQP_URL'),
    authentication: authenticationOf(read('AUTH_JWKS_URL'), read('AUTH_ISSUER'), read('AUTH_AUDIENCE')),
    routerSecrets: read('ROUTER_SECRET') ?? [],
    routerInvalidation: invalidationOf(read('ROUTER_INVALIDATION_URL'), read('ROUTER_INVALIDATION_KEY')),
    recentSignInFor: new Set(read('RECENT_SIGN_IN_FOR')),
    authenticationServiceUrl: read('AUTHENTICATION_SERVICE_URL'),
    eventProfile,
    logLevel: read('LOG_LEVEL'),
    logRequests: read('LOG_REQUESTS'),
    otlpEndpoint: read('OTEL_EXPORTER_OTLP_ENDPOINT'),
    otelServiceName: read('OTEL_SERVICE_NAME'),
    limits: {
      representations: read('LIMIT_REPRESENTATIONS'),
      aliases: read('LIMIT_ALIASES'),
      depth: read('LIMIT_DEPTH'),
      tokens: read('LIMIT_TOKENS'),
      cost: read('LIMIT_COST'),
    },
    concurrency: {
      total: read('LIMIT_CONCURRENCY'),
      perActor: read('LIMIT_ACTOR_CONCURRENCY'),
    },
    retention: {
      RETENTION_DEACTIVATED_DAYS: read('RETENTION_DEACTIVATED_DAYS'),
      RETENTION_HISTORY_DAYS: read('RETENTION_HISTORY_DAYS'),
      PARKED_RETENTION_DAYS: read('PARKED_RETENTION_DAYS'),
      OUTBOX_RETENTION_DAYS: read('OUTBOX_RETENTION_DAYS'),
      WAITING_DAYS: read('WAITING_DAYS'),
    },
    auditReadWindowSeconds: read('AUDIT_READ_WINDOW_SECONDS'),
    erasureGraceDays: read('ERASURE_GRACE_DAYS'),
    inactivity: inactivityOf(
      read('RETENTION_INACTIVE_DAYS'),
      read('INACTIVITY_WARNING_DAYS'),
      eventProfile === 'catalog',
    ),
    dataDirectory: join(folder, '.data'),
  };
  if (!production) problems.push(...partlySet(env, ['AUTH_JWKS_URL', 'AUTH_ISSUER', 'AUTH_AUDIENCE']));
  problems.push(...partlySet(env, ['ROUTER_INVALIDATION_URL', 'ROUTER_INVALIDATION_KEY']));
  if (production && config.routerSecrets.some((secret) => secret.length < minimumSecretLength))
    problems.push(
      `ROUTER_SECRET must be secrets of at least ${minimumSecretLength} characters when NODE_ENV=production`,
    );
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function inactivityOf(days: number | null, warningDays: number, countsFromCommit: boolean) {
  return days === null ? null : { days, warningDays, countsFromCommit };
}

function authenticationOf(
  jwksUrl: string | null,
  issuer: string | null,
  audience: string | null,
): Config['authentication'] {
  return jwksUrl && issuer && audience ? { jwksUrl, issuer, audience } : null;
}

function invalidationOf(url: string | null, key: string | null): Config['routerInvalidation'] {
  return url && key ? { url, key } : null;
}

/** Requires all or none of these settings: with only some, none of them would have an effect, silently. */
function partlySet(env: NodeJS.ProcessEnv, names: readonly string[]): string[] {
  const missing = names.filter((name) => !env[name]?.trim());
  if (missing.length === 0 || missing.length === names.length) return [];
  return missing.map((name) => `${name} is missing: set all of ${names.join(', ')}, or none`);
}
