import { ConfigError, loadConfig } from '../../src/config';

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
