import { z } from 'zod';
import { databaseUrl, databaseUrls, redisUrl, url } from './setting-urls';

const environments = ['production', 'development', 'test'] as const;
export const loggedRequests = ['errors', 'sampled', 'all'] as const;
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const wholeNumber = (minimum: number, maximum: number) => {
  const allowed = `a whole number from ${minimum} to ${maximum}`;
  const error = `must be ${allowed}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, { error })
    .transform(Number)
    .pipe(z.number().min(minimum, { error }).max(maximum, { error }))
    .describe(allowed);
};

const oneOf = <const T extends readonly string[]>(values: T) => {
  const allowed = values.map((it) => `\`${it}\``).join(', ');
  return z.enum(values, { error: `must be one of ${values.join(', ')}` }).describe(allowed);
};

const actionList = 'a comma-separated list of erase, export and email';
const sensitiveActions = z
  .string()
  .transform((text) => text.split(',').map((it) => it.trim()))
  .pipe(z.array(z.enum(['erase', 'export', 'email'], { error: `must be ${actionList}` })))
  .describe(actionList);

const secretList = 'secrets separated by single commas';
const secrets = z
  .string()
  .transform((text) => text.split(',').map((it) => it.trim()))
  .refine((list) => list.every((it) => it.length > 0), { error: `must be ${secretList}` })
  .describe(secretList);

const text = z.string().describe('a text');

/** A setting of the process: its meaning, its allowed values as the description of `schema`, and what unset means. */
export interface Setting<T = unknown, F = unknown> {
  readonly meaning: string;
  readonly unset: string;
  readonly schema: z.ZodType<T, string>;
  readonly fallback: F;
  readonly requiredInProduction?: true;
}

/** A setting without a default; `unset` describes the behaviour without it. */
const optional = <T>(it: Omit<Setting<T>, 'fallback'>): Setting<T, null> => ({ ...it, fallback: null });

/** A setting with a default. */
const withDefault = <T extends string | number>(
  fallback: NoInfer<T>,
  it: Omit<Setting<T>, 'fallback' | 'unset'> & { remark?: string },
): Setting<T, T> => ({ ...it, fallback, unset: `${fallback}${it.remark ?? ''}` });

const limit = (meaning: string, fallback: number) =>
  withDefault(fallback, { meaning, schema: wholeNumber(1, 1_000_000) });

/** All settings; the table in docs/settings.md is generated from them. */
export const settings = {
  NODE_ENV: withDefault('development', {
    meaning: '`production` disables embedded services, the development issuer and the explorer',
    schema: oneOf(environments),
  }),
  PORT: withDefault(4001, { meaning: 'the port HTTP listens on', schema: wholeNumber(0, 65_535) }),
  MANAGEMENT_PORT: optional({
    meaning: 'a port for `/health/*` and `/metrics`; `/metrics` then responds only there',
    unset: 'both are on `PORT`',
    schema: wholeNumber(0, 65_535),
  }),
  HOST: withDefault('127.0.0.1', {
    meaning: 'the address HTTP listens on',
    remark: ' (the image sets 0.0.0.0)',
    schema: text,
  }),
  PUBLIC_URL: optional({
    meaning: 'the URL under which mail programs reach this service; the base of unsubscribe links',
    unset: '`http://HOST:PORT`; in production `unsubscribeUrl` is null',
    schema: url('http', 'https'),
  }),
  DATABASE_URL: optional({
    meaning: 'PostgreSQL 15 or newer',
    unset: 'an embedded PostgreSQL, with its data in `.data/`',
    schema: databaseUrl,
    requiredInProduction: true,
  }),
  DATABASE_REPLICA_URL: optional({
    meaning:
      'streaming replicas of PostgreSQL, comma-separated, for histories, commerce summaries and lists of users, which may be up to five seconds late; callers read their own changes',
    unset: 'all reads go to `DATABASE_URL`',
    schema: databaseUrls,
  }),
  REDIS_URL: optional({
    meaning: 'Redis 7 or newer: a server, the nodes of a cluster, or Sentinels',
    unset: 'a bounded in-process cache',
    schema: redisUrl,
    requiredInProduction: true,
  }),
  AMQP_URL: optional({
    meaning: 'RabbitMQ 3.10 or newer',
    unset: 'an in-process broker',
    schema: url('amqp', 'amqps'),
    requiredInProduction: true,
  }),
  AUTH_JWKS_URL: optional({
    meaning: 'the URL of the AuthenticationService’s keys (JWKS)',
    unset: 'a development issuer; `npx user-service token` prints a token',
    schema: url('http', 'https'),
    requiredInProduction: true,
  }),
  AUTH_ISSUER: optional({
    meaning: 'the required `iss` of access tokens',
    unset: 'the development issuer',
    schema: text,
    requiredInProduction: true,
  }),
  AUTH_AUDIENCE: optional({
    meaning: 'the required `aud` of access tokens',
    unset: 'the development issuer’s audience',
    schema: text,
    requiredInProduction: true,
  }),
  ROUTER_SECRET: optional({
    meaning:
      'one or more secrets that the router may send in `Router-Authorization`; in production of at least 16 characters',
    unset: 'not checked',
    schema: secrets,
    requiredInProduction: true,
  }),
  ROUTER_INVALIDATION_URL: optional({
    meaning:
      'the URL at which the router invalidates its response cache (`response_cache.invalidation`); called for each user whose change was published',
    unset: 'public fields of users may be cached for 5 seconds instead of 60',
    schema: url('http', 'https'),
  }),
  ROUTER_INVALIDATION_KEY: optional({
    meaning: 'the shared key of that URL; both or neither',
    unset: 'as `ROUTER_INVALIDATION_URL`',
    schema: text,
  }),
  RECENT_SIGN_IN_FOR: {
    meaning:
      'what users can do to themselves only within 10 minutes of a sign-in (`auth_time`): a comma-separated list of `erase`, `export` and `email` (a new address)',
    unset: 'erase',
    schema: sensitiveActions,
    fallback: ['erase'] as const,
  },
  AUTHENTICATION_SERVICE_URL: optional({
    meaning: 'the credential API of the AuthenticationService',
    unset: '`password` in `createUser` is an invalid input',
    schema: url('http', 'https'),
  }),
  EVENT_PROFILE: withDefault('full', {
    meaning: '`full`, or `catalog` to publish only UserCreated and UserDeactivated',
    schema: oneOf(['full', 'catalog']),
  }),
  WAITING_DAYS: withDefault(30, {
    meaning: 'days that an event waits for an unknown user or order before it is parked',
    schema: wholeNumber(1, 3650),
  }),
  OUTBOX_RETENTION_DAYS: withDefault(30, {
    meaning:
      'days after which published events are deleted, unless a legal hold keeps them; until then they can be published again',
    schema: wholeNumber(1, 3650),
  }),
  RETENTION_DEACTIVATED_DAYS: optional({
    meaning: 'days after which deactivated users are erased, unless a legal hold keeps them',
    unset: 'they are kept',
    schema: wholeNumber(1, 36_500),
  }),
  ERASURE_GRACE_DAYS: withDefault(0, {
    meaning:
      'days between a person’s own request of an erasure and its start, during which it can be cancelled; 0 starts it immediately',
    schema: wholeNumber(0, 90),
  }),
  RETENTION_INACTIVE_DAYS: optional({
    meaning:
      'days without activity after which users are warned and, `INACTIVITY_WARNING_DAYS` later, deactivated, unless a legal hold keeps them',
    unset: 'they stay active',
    schema: wholeNumber(1, 36_500),
  }),
  INACTIVITY_WARNING_DAYS: withDefault(30, {
    meaning: 'days between the warning of an inactive user and the deactivation',
    schema: wholeNumber(0, 3650),
  }),
  RETENTION_HISTORY_DAYS: optional({
    meaning: 'days after which history entries are deleted, unless a legal hold keeps them',
    unset: 'they are kept',
    schema: wholeNumber(1, 36_500),
  }),
  PARKED_RETENTION_DAYS: optional({
    meaning: 'days after which parked messages are deleted, unless a legal hold keeps them',
    unset: 'they are kept',
    schema: wholeNumber(1, 36_500),
  }),
  LOG_LEVEL: withDefault('info', {
    meaning: 'the least severe level of the lines that are logged',
    schema: oneOf(logLevels),
  }),
  AUDIT_READ_WINDOW_SECONDS: withDefault(0, {
    meaning:
      'how long repeated reads of the same fields of a user by the same person are merged into one audit entry with their count ([audit.md](audit.md#repeated-reads)); 0 writes an entry for each',
    schema: wholeNumber(0, 86_400),
  }),
  LOG_REQUESTS: withDefault('sampled', {
    meaning:
      'which requests are logged when they complete: `errors` (status 500 and above), `sampled` (these, those over a second, and one in a hundred), `all`',
    schema: oneOf(loggedRequests),
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional({
    meaning: 'the collector that receives traces (OTLP over HTTP as JSON; `/v1/traces` is appended)',
    unset: 'no tracing',
    schema: url('http', 'https'),
  }),
  OTEL_SERVICE_NAME: withDefault('user-service', {
    meaning: 'the name of this service in traces',
    schema: text,
  }),
  LIMIT_REPRESENTATIONS: limit('maximum representations in one `_entities` call', 1000),
  LIMIT_ALIASES: limit('maximum aliases in one operation', 50),
  LIMIT_DEPTH: limit('maximum nested levels in one operation', 12),
  LIMIT_COST: limit(
    'maximum cost of one operation: the number of objects that it may return, estimated',
    20_000,
  ),
  LIMIT_ACTOR_CONCURRENCY: limit('maximum concurrent operations of one caller on a replica', 20),
  LIMIT_CONCURRENCY: limit('maximum concurrent operations on a replica', 200),
  LIMIT_TOKENS: limit('maximum tokens in one document', 4000),
} as const;
