import { type AppOptions, startApp } from './app';
import { type Config, loadConfig } from './config';
import { createServiceLog } from './service-log';

/** The process exits after this time even when a part has not stopped. */
const stopLimitMs = 25_000;

/**
 * Runs the service until SIGTERM or SIGINT, stops it and exits with 0; exits with 1 when stopping takes too long.
 *
 * @param names prefixes of Redis keys and of exchanges and queues, for services that share Redis and RabbitMQ
 */
export async function serve(
  env: NodeJS.ProcessEnv,
  names: Pick<AppOptions, 'redisPrefix' | 'amqpPrefix'> = {},
): Promise<void> {
  const config = loadConfig(env);
  const log = createServiceLog({ level: config.logLevel });
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'));

  const stopSignal = new Promise<string>((resolve) => {
    // `on`, not `once`: npm and a terminal both send the signal. Unhandled, the second would end the process.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
  const app = await startApp(config, { ...names, log });
  void app.ready.then(() => greet(app.url, config));

  const signal = await stopSignal;
  log.info({ signal }, 'stopping');
  setTimeout(() => process.exit(1), stopLimitMs).unref();
  await app.stop();
  log.info('stopped');
  process.exit(0);
}

/** Prints the explorer's address, the command for a token and the embedded services; nothing in production. */
function greet(url: string, config: Config): void {
  if (config.production) return;
  const embedded = [
    config.databaseUrl === null && 'PostgreSQL (data under .data/)',
    config.redisUrl === null && 'cache',
    config.amqpUrl === null && 'broker',
  ].filter(Boolean);
  const lines = [
    `Explorer   ${url}/`,
    ...(config.authentication
      ? []
      : [
          'Token      npx user-service token --sub 01900000-0000-7000-8000-000000000001 --scope "users:read users:write"',
        ]),
    `Embedded   ${embedded.length > 0 ? embedded.join(', ') : 'nothing'}`,
  ];
  process.stderr.write(`\n${lines.map((line) => `  ${line}`).join('\n')}\n\n`);
}
