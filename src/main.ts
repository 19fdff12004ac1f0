import { type AppOptions, startApp } from './app';
import { type Config, loadConfig } from './config';
import { createServiceLog } from './service-log';

/** However long the parts take to stop, the process ends by then. */
const stopLimitMs = 25_000;

/**
 * The process: configuration, service, wait for a signal, stop. Exits 0 when it was asked to end.
 *
 * @param names what stands before its keys, exchanges and queues where several services share Redis and RabbitMQ
 */
export async function serve(
  env: NodeJS.ProcessEnv,
  names: Pick<AppOptions, 'redisPrefix' | 'amqpPrefix'> = {},
): Promise<void> {
  const config = loadConfig(env);
  const log = createServiceLog({ level: config.logLevel });
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'));

  const asked = new Promise<string>((resolve) => {
    // Not once: npm and a terminal both send the signal, and the second would end the process in the middle.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
  const app = await startApp(config, { ...names, log });
  void app.ready.then(() => greet(app.url, config));

  const signal = await asked;
  log.info({ signal }, 'stopping');
  setTimeout(() => process.exit(1), stopLimitMs).unref();
  await app.stop();
  log.info('stopped');
  process.exit(0);
}

/** What a developer wants to know first: where the explorer is, how to get a token, what is embedded. */
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
