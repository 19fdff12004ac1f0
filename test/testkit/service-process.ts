import 'reflect-metadata';
import { startApp } from '../../src/app';
import { loadConfig } from '../../src/config';

/**
 * The service in a process of its own, as its parent wants it: settings from the environment, names under the
 * prefixes and files under the folder in the arguments. Tells its parent where it listens and what it has loaded, and
 * ends with it.
 */
async function serve([directory = '', redisPrefix = '', amqpPrefix = '']: string[]): Promise<void> {
  const app = await startApp(loadConfig(process.env, directory), { redisPrefix, amqpPrefix });
  process.once('SIGTERM', () => void app.stop().then(() => process.exit(0)));
  await app.ready;
  process.send?.({ url: app.url, loaded: Object.keys(require.cache) });
}

process.once('disconnect', () => process.exit(0));
void serve(process.argv.slice(2));
