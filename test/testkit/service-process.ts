import 'reflect-metadata';
import { startApp } from '../../src/app';
import { loadConfig } from '../../src/config';

/**
 * The service in a process of its own. Arguments: folder, Redis prefix, AMQP prefix, and the time between retention
 * runs in milliseconds if it is not the default; settings come from the environment. Sends its parent its URL and the loaded modules when it is ready, and exits with its parent.
 */
async function serve([directory = '', redisPrefix = '', amqpPrefix = '', interval]: string[]): Promise<void> {
  const app = await startApp(loadConfig(process.env, directory), {
    redisPrefix,
    amqpPrefix,
    ...(interval && { retentionIntervalMs: Number(interval) }),
  });
  process.once('SIGTERM', () => void app.stop().then(() => process.exit(0)));
  await app.ready;
  process.send?.({ url: app.url, loaded: Object.keys(require.cache) });
}

process.once('disconnect', () => process.exit(0));
void serve(process.argv.slice(2));
