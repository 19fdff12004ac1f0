import { type Config, ConfigError, loadConfig } from '../../src/config';
import { settings } from '../../src/settings';

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('DATABASE_URL', () => {
  it.each([
    ['postgres://u:50%off@h/db', 'write %25'],
    ['postgres://u:p@ss@h/db', 'write %40'],
    ['postgres://u:p/ss@h/db', 'write %2F'],
    ['postgres://u:p#ss@h/db', '%23'],
    ['postgres://a,b/db', 'one host'],
    ['postgres://a:5432,b:5432/db', 'one host'],
    ['postgres:///db?host=a,b', 'one host'],
    ['mysql://h/db', 'postgres://'],
    ['postgres:///db', 'no host'],
    ['postgres://u@/db', 'no host'],
    ['postgres:///?host=/var/run/postgresql', 'no database'],
    ['postgres://h', 'no database'],
    ['postgres://u:p@h:5432/?sslmode=disable', 'no database'],
    ['postgres://u:%ff@h/db', 'write %25'],
    ['postgres://h/db?sslmode=verify', 'sslmode: use one of disable, no-verify'],
    ['postgres://h/db?sslmode=', 'sslmode'],
    ['postgres://h/db?sslmode=verify-full&sslrootcert=/absent/ca.pem', 'sslrootcert that does not exist'],
    ['postgres://h/db?sslcert=/absent/client.pem', 'sslcert that does not exist'],
    [`postgres://h/db?sslcert=${__filename}&sslkey=/absent/key.pem`, 'sslkey that does not exist'],
  ])('%s is refused with what to change, and without its value', (url, hint) => {
    const problems = problemsOf({ DATABASE_URL: url });
    expect(problems).toEqual([expect.stringMatching(/^DATABASE_URL /)]);
    expect(problems[0]).toContain(hint);
    expect(problems[0]).not.toContain(url);
  });

  it.each([
    'postgres://u:50%25off@h/db',
    'postgresql://u@[::1]:5432/db?sslmode=verify-full',
    'postgres:///db?host=/var/run/postgresql',
    'postgres://u@/db?host=/var/run/postgresql',
    'postgres://u@%2Fvar%2Frun%2Fpostgresql/db',
    'postgres://h/db?sslmode=no-verify&application_name=users',
    `postgres://h/db?sslmode=verify-full&sslrootcert=${__filename}`,
  ])('%s is accepted', (url) => {
    expect(loadConfig({ DATABASE_URL: url }).databaseUrl).toBe(url);
  });
});

const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://h/db',
  REDIS_URL: 'redis://h',
  AMQP_URL: 'amqp://h',
  AUTH_JWKS_URL: 'https://h/keys',
  AUTH_ISSUER: 'i',
  AUTH_AUDIENCE: 'a',
};

it('each ROUTER_SECRET needs 16 characters in production only', () => {
  const problem = 'ROUTER_SECRET must be secrets of at least 16 characters when NODE_ENV=production';
  const long = 'a-secret-of-16-c';
  expect(problemsOf({ ...production, ROUTER_SECRET: `${long},short` })).toEqual([problem]);
  expect(problemsOf({ ...production, ROUTER_SECRET: `${long},${long}` })).toEqual([]);
  expect(problemsOf({ ROUTER_SECRET: 'short' })).toEqual([]);
});

it.each([
  ['DATABASE_URL', 'postgres://', 'names no host'],
  ['AMQP_URL', 'amqp://', 'names no host'],
  ['AMQP_URL', 'amqps:///vhost', 'names no host'],
  ['AMQP_URL', 'amqp://u:50%off@h', 'write %25'],
  ['AMQP_URL', 'http://h', 'must be a URL that starts with amqp:// or amqps://'],
  ['REDIS_URL', 'redis:///1', 'names no host'],
  ['REDIS_URL', 'redis://u:50%off@h', 'write %25'],
  ['REDIS_URL', 'redis://h/users', 'a database that is not a number'],
  ['REDIS_URL', 'redis://h,redis://u:50%off@i', 'write %25'],
  ['REDIS_URL', 'redis://h,i/users', 'a database that is not a number'],
  ['REDIS_URL', 'redis+sentinel://a,b:port/name', 'must be a URL'],
  ['REDIS_URL', 'redis+sentinel://u:50%off@a:26379/name', 'write %25'],
  ['REDIS_URL', 'redis+sentinel://a:port/name', 'must be a URL'],
  ['AUTH_JWKS_URL', 'https://', 'must be a URL that starts with http:// or https://'],
])('%s %s is refused with what is wrong', (name, url, hint) => {
  const problems = problemsOf({
    ...production,
    ROUTER_SECRET: 'a-secret-of-16-c',
    [name]: url,
  });
  expect(problems).toEqual([expect.stringMatching(`^${name} `)]);
  expect(problems[0]).toContain(hint);
  expect(problems[0]).not.toContain('50%off');
});

it('a missing setting is one problem in production, also with blanks around the environment', () => {
  const complete = { ...production, ROUTER_SECRET: 'a-secret-of-16-c' };
  for (const NODE_ENV of ['production', ' production '])
    expect(problemsOf({ ...complete, NODE_ENV, AUTH_ISSUER: ' ' })).toEqual([
      'AUTH_ISSUER is required when NODE_ENV=production',
    ]);
});

it('RECENT_SIGN_IN_FOR is read with blanks around its items', () => {
  expect(loadConfig({ RECENT_SIGN_IN_FOR: 'export, email' }).recentSignInFor).toEqual(
    new Set(['export', 'email']),
  );
});

it('a ConfigError counts its problems', () => {
  expect(() => loadConfig({ PORT: 'x' })).toThrow('The configuration has 1 problem:\n');
  expect(() => loadConfig({ PORT: 'x', MANAGEMENT_PORT: 'y' })).toThrow('has 2 problems:\n');
});

describe('REDIS_URL', () => {
  it.each([
    'redis://h:6379/1',
    'rediss://u:p@h',
    'redis://a:7000,redis://b:7001',
    'redis://a:7000,b:7001',
    'redis+sentinel://u:p@a:26379,b:26379/name/1',
  ])('%s is accepted', (url) => {
    expect(loadConfig({ REDIS_URL: url }).redisUrl).toBe(url);
  });

  it.each([
    'http://h',
    'redis://a,rediss://b',
    'redis://a,',
    'redis+sentinel://a:26379',
    'redis+sentinel:///name',
  ])('%s is refused', (url) => {
    expect(problemsOf({ REDIS_URL: url })).toEqual([expect.stringMatching(/^REDIS_URL must be a URL/)]);
  });
});

it.each(['a,', ',a', 'a,,b', ','])(
  'ROUTER_SECRET %j is refused, because a secret in it is empty',
  (secrets) => {
    expect(problemsOf({ ROUTER_SECRET: secrets })).toEqual([
      'ROUTER_SECRET must be secrets separated by single commas',
    ]);
  },
);

it('PUBLIC_URL loses the slashes at its end', () => {
  expect(loadConfig({ PUBLIC_URL: 'https://h/users//' }).publicUrl).toBe('https://h/users');
  expect(loadConfig({}).publicUrl).toBeNull();
});

/** The smallest and the largest value of each numeric setting, its default, and where the configuration has it. */
const numbers: [
  name: string,
  range: [number, number],
  fallback: unknown,
  read: (config: Config) => unknown,
][] = [
  ['PORT', [0, 65_535], 4001, ({ port }) => port],
  ['MANAGEMENT_PORT', [0, 65_535], null, ({ managementPort }) => managementPort],
  ['WAITING_DAYS', [1, 3650], 30, ({ retention }) => retention.WAITING_DAYS],
  ['OUTBOX_RETENTION_DAYS', [1, 3650], 30, ({ retention }) => retention.OUTBOX_RETENTION_DAYS],
  ['RETENTION_DEACTIVATED_DAYS', [1, 36_500], null, ({ retention }) => retention.RETENTION_DEACTIVATED_DAYS],
  ['RETENTION_HISTORY_DAYS', [1, 36_500], null, ({ retention }) => retention.RETENTION_HISTORY_DAYS],
  ['PARKED_RETENTION_DAYS', [1, 36_500], null, ({ retention }) => retention.PARKED_RETENTION_DAYS],
  ['ERASURE_GRACE_DAYS', [0, 90], 0, ({ erasureGraceDays }) => erasureGraceDays],
  ['AUDIT_READ_WINDOW_SECONDS', [0, 86_400], 0, ({ auditReadWindowSeconds }) => auditReadWindowSeconds],
  ['RETENTION_INACTIVE_DAYS', [1, 36_500], undefined, ({ inactivity }) => inactivity?.days],
  ['LIMIT_REPRESENTATIONS', [1, 1_000_000], 1_000, ({ limits }) => limits.representations],
  ['LIMIT_ALIASES', [1, 1_000_000], 50, ({ limits }) => limits.aliases],
  ['LIMIT_DEPTH', [1, 1_000_000], 12, ({ limits }) => limits.depth],
  ['LIMIT_COST', [1, 1_000_000], 20_000, ({ limits }) => limits.cost],
  ['LIMIT_TOKENS', [1, 1_000_000], 4_000, ({ limits }) => limits.tokens],
  ['LIMIT_ACTOR_CONCURRENCY', [1, 1_000_000], 20, ({ concurrency }) => concurrency.perActor],
  ['LIMIT_CONCURRENCY', [1, 1_000_000], 200, ({ concurrency }) => concurrency.total],
];

describe.each(numbers)('%s', (name, [minimum, maximum], fallback, read) => {
  it('is read in its range, and has its default when it is unset or blank', () => {
    for (const value of [minimum, maximum]) expect(read(loadConfig({ [name]: ` ${value} ` }))).toBe(value);
    for (const env of [{}, { [name]: ' ' }]) expect(read(loadConfig(env))).toBe(fallback);
  });

  it.each([String(minimum - 1), String(maximum + 1), `${maximum}.0`, '1e1', '0x1', 'one'])(
    'is refused as %s',
    (text) => {
      expect(problemsOf({ [name]: text })).toEqual([
        `${name} must be a whole number from ${minimum} to ${maximum}`,
      ]);
    },
  );
});

it('the table of numeric settings is complete', () => {
  const numeric = Object.entries(settings).filter(([, { schema }]) =>
    /whole number/.test(schema.description ?? ''),
  );
  // It has an effect only with RETENTION_INACTIVE_DAYS.
  const others = ['INACTIVITY_WARNING_DAYS'];
  expect([...numbers.map(([name]) => name), ...others].sort()).toEqual(numeric.map(([name]) => name).sort());
});

it('INACTIVITY_WARNING_DAYS is read with RETENTION_INACTIVE_DAYS only', () => {
  const read = (env: NodeJS.ProcessEnv) => loadConfig(env).inactivity;
  const inactive = { RETENTION_INACTIVE_DAYS: '700' };
  expect(read({ INACTIVITY_WARNING_DAYS: '7' })).toBeNull();
  expect(read(inactive)).toEqual({ days: 700, warningDays: 30, countsFromCommit: false });
  expect(read({ ...inactive, INACTIVITY_WARNING_DAYS: '0', EVENT_PROFILE: 'catalog' })).toEqual({
    days: 700,
    warningDays: 0,
    countsFromCommit: true,
  });
});
