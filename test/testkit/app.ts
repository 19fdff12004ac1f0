import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { type App, startApp } from '../../src/app';
import { openDevelopmentIssuer } from '../../src/authentication/development-issuer';
import { type Config, loadConfig } from '../../src/config';
import { createServiceLog } from '../../src/service-log';
import { createTestDatabase } from './test-database';
import { newAmqpPrefix, newRedisPrefix } from './test-run';
import { removeTopology } from './witness';

/** The response to a GraphQL request: HTTP status, headers and body. */
export interface GraphQLResponse {
  status: number;
  data: any;
  errors: { message: string; path?: (string | number)[]; extensions: Record<string, unknown> }[];
  extensions?: Record<string, unknown> | undefined;
  headers: Headers;
}

export interface RequestOptions {
  /** The bearer token. Undefined: an anonymous request. */
  token?: string | undefined;
  headers?: Record<string, string>;
}

/** The whole service in this process, on real backing services, with its own database, Redis prefix and AMQP prefix. */
export interface TestApp extends App {
  readonly databaseUrl: string;
  readonly redisPrefix: string;
  readonly amqpPrefix: string;
  /** Issues a token of the development issuer. */
  token(request: { sub: string; scope?: string; authTime?: Date }): Promise<string>;
  /** A token with `users:read users:write`. */
  readonly staff: string;
  graphql(
    query: string,
    variables?: Record<string, unknown>,
    options?: RequestOptions,
  ): Promise<GraphQLResponse>;
  /** Runs a statement directly on the database and returns its rows. */
  sql<Row = Record<string, unknown>>(text: string, parameters?: unknown[]): Promise<Row[]>;
  /** The log lines so far, parsed. */
  readonly logged: Record<string, unknown>[];
}

export interface TestAppOptions {
  config?: Partial<Config>;
  /** Starts a second replica of this app: same database, prefixes and issuer. */
  replicaOf?: TestApp;
}

const issuers = new WeakMap<App, string>();

/** Starts the service for a test file. `stop` drops its database and deletes its exchanges, queues and files. */
export async function startTestApp({ config = {}, replicaOf }: TestAppOptions = {}): Promise<TestApp> {
  const database = replicaOf || config.databaseUrl ? null : await createTestDatabase();
  const databaseUrl = config.databaseUrl ?? replicaOf?.databaseUrl ?? (database?.url as string);
  const redisPrefix = replicaOf?.redisPrefix ?? newRedisPrefix();
  const amqpPrefix = replicaOf?.amqpPrefix ?? newAmqpPrefix();
  const dataDirectory =
    config.dataDirectory ??
    (replicaOf && issuers.get(replicaOf)) ??
    mkdtempSync(join(tmpdir(), 'user-service-'));
  const logged: Record<string, unknown>[] = [];
  const log = createServiceLog({
    level: 'debug',
    destination: { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const app = await startApp(
    {
      // Tests act in bursts as one actor, and read what was logged.
      ...loadConfig({ LIMIT_ACTOR_CONCURRENCY: '1000', LIMIT_CONCURRENCY: '1000', LOG_REQUESTS: 'all' }),
      port: 0,
      databaseUrl,
      redisUrl: process.env['TEST_REDIS_URL'] ?? null,
      amqpUrl: process.env['TEST_AMQP_URL'] ?? null,
      dataDirectory,
      ...config,
    },
    // No load balancer has to notice a stop, and no client is between two requests.
    { log, redisPrefix, amqpPrefix, drainDelayMs: 0, idleGraceMs: 0 },
  );
  await app.ready;
  const issuer = await openDevelopmentIssuer(dataDirectory);
  const token: TestApp['token'] = (request) => issuer.issueToken(request);
  const staff = await token({ sub: 'staff', scope: 'users:read users:write' });

  const pool = new Pool({ connectionString: databaseUrl, max: 4 });
  // The pool replaces an idle connection that PostgreSQL closes.
  pool.on('error', () => undefined);
  const testApp: TestApp = {
    ...app,
    databaseUrl,
    redisPrefix,
    amqpPrefix,
    token,
    staff,
    logged,
    graphql: (query, variables = {}, options = {}) => send(app.url, { query, variables }, options),
    sql: async (text, parameters) => (await pool.query(text, parameters)).rows as never[],
    async stop() {
      await app.stop();
      await pool.end();
      await database?.drop();
      if (!replicaOf) await removeTopology(amqpPrefix);
      if (!replicaOf) rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
  issuers.set(testApp, dataDirectory);
  return testApp;
}

/** Posts a GraphQL request to the service at `url`. */
export async function send(
  url: string,
  body: unknown,
  { token, headers = {} }: RequestOptions = {},
): Promise<GraphQLResponse> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const { data = null, errors = [], extensions } = (await response.json()) as Partial<GraphQLResponse>;
  return { status: response.status, data, errors, extensions, headers: response.headers };
}
