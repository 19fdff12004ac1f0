import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApp } from '../src/app';
import { openDevelopmentIssuer } from '../src/authentication/development-issuer';
import { seedDemoUsers } from '../src/commands/seed';
import { withDatabase } from '../src/commands/with-database';
import { loadConfig } from '../src/config';
import { exampleUserId } from '../src/explorer/explorer-examples';
import { Closers } from '../src/scheduling/closers';
import { createServiceLog } from '../src/service-log';
import { compose, readRoverConfiguration } from './composition';
import { demoOrders, demoReviews, demoUserCount } from './demo-data';
import { startGateway } from './gateway';
import { publishToRabbitMq, publishToService } from './order-events';
import { createOrdersSubgraph, type Order } from './orders';
import { createReviewsSubgraph } from './reviews';
import { startSubgraphServer } from './subgraph-server';

/** The process exits after this time even when a part has not stopped. */
const stopLimitMs = 25_000;
const tokenSeconds = 12 * 3_600;

/** The ports by setting, except PORT of the service; 0 selects a free one. */
const ports = { REVIEWS_PORT: 4002, ORDERS_PORT: 4003, GATEWAY_PORT: 4000 } as const;

const print = (part: string, text: string) => process.stdout.write(`  ${part.padEnd(9)} ${text}\n`);

/**
 * Starts the User Service with demo users, the subgraphs `reviews` and `orders`, and a gateway in front of them, and
 * stops all of them on SIGINT, SIGTERM or SIGHUP. The settings of the service apply; what is not set is embedded.
 */
async function runSupergraph(env: NodeJS.ProcessEnv): Promise<void> {
  if (env.NODE_ENV === 'production')
    throw new Error('the supergraph is for development only (NODE_ENV is production)');
  const signal = new Promise<void>((resolve) => {
    // `on`, not `once`: npm and a terminal both send the signal. Unhandled, the second would end the process.
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => resolve());
  });
  process.stdout.write('\n');
  if (!env.DATABASE_URL) print('database', 'starting PostgreSQL, data under .data/');
  await withDatabase(env, async ({ url }) => {
    const closers = new Closers();
    try {
      const started = startParts({ ...env, DATABASE_URL: url }, closers);
      // A part may wait for a dependency without limit. After the signal, its failure is not reported.
      await Promise.race([started, signal]);
      await signal;
      print('', 'stopping');
      setTimeout(() => process.exit(1), stopLimitMs).unref();
    } finally {
      await closers.close();
    }
  });
}

async function startParts(env: NodeJS.ProcessEnv, closers: Closers): Promise<void> {
  const routerSecret = env.ROUTER_SECRET?.split(',')[0]?.trim() || randomBytes(24).toString('base64url');
  const config = loadConfig({ LOG_LEVEL: 'warn', ...env, ROUTER_SECRET: env.ROUTER_SECRET || routerSecret });
  const log = createServiceLog({ level: config.logLevel, destination: process.stderr });
  const { host, dataDirectory } = config;

  const app = await startApp(config, { log });
  closers.push(() => app.stop());
  await app.ready;
  const { created } = await seedDemoUsers({ url: String(config.databaseUrl), config, log }, demoUserCount);
  print('users', `${app.url}/graphql, ${created > 0 ? `${created} demo users created` : 'with demo users'}`);

  const reviewsPort = portOf(env, 'REVIEWS_PORT');
  const reviews = await startSubgraphServer(createReviewsSubgraph(demoReviews), { host, port: reviewsPort });
  closers.push(() => reviews.stop());
  print('reviews', reviews.url);

  const rabbitMq = config.amqpUrl === null ? null : await publishToRabbitMq(config.amqpUrl);
  if (rabbitMq) closers.push(() => rabbitMq.close());
  const store = openOrders(join(dataDirectory, 'supergraph-orders.json'));
  const publish = rabbitMq?.publish ?? publishToService(app.url);
  const ordersSubgraph = createOrdersSubgraph({ ...store, publish });
  const orders = await startSubgraphServer(ordersSubgraph, { host, port: portOf(env, 'ORDERS_PORT') });
  closers.push(() => orders.stop());
  print('orders', orders.url);

  const urls: Record<string, string> = {
    users: `${app.url}/graphql`,
    reviews: reviews.url,
    orders: orders.url,
  };
  const { subgraphs } = readRoverConfiguration();
  const supergraphSdl = compose(subgraphs.map((one) => ({ ...one, url: urls[one.name] ?? one.url })));
  const issuer = config.authentication ? null : await openDevelopmentIssuer(dataDirectory);
  const issueToken = issuer?.issueToken ?? null;
  const port = portOf(env, 'GATEWAY_PORT');
  const gateway = await startGateway({ supergraphSdl, routerSecret, host, port, issueToken });
  closers.push(() => gateway.stop());
  print('gateway', `${gateway.url}/ (explorer), ${gateway.url}/graphql`);

  if (!env.ROUTER_SECRET) print('secret', `${routerSecret} (router secret of ${app.url}/)`);
  if (issueToken) {
    const scope = 'users:read users:write';
    print('token', await issueToken({ sub: exampleUserId, scope, expiresInSeconds: tokenSeconds }));
  }
  print('', 'Ctrl-C stops everything.');
}

/** Returns the orders in the file, or the demo orders without one. `onChange` writes the file. */
function openOrders(file: string): { orders: Order[]; onChange: () => void } {
  const orders = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Order[]) : demoOrders();
  return { orders, onChange: () => writeFileSync(file, JSON.stringify(orders)) };
}

function portOf(env: NodeJS.ProcessEnv, name: keyof typeof ports): number {
  const port = Number(env[name] || ports[name]);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new Error(`${name} must be a port from 0 to 65535`);
}

runSupergraph(process.env).then(
  () => process.exit(0),
  (error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice =
      code === 'EADDRINUSE'
        ? `. Stop the program there, or set PORT or ${Object.keys(ports).join(', ')}`
        : '';
    process.stderr.write(`error: ${message}${advice}\n`);
    process.exit(1);
  },
);
