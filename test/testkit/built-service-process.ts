import 'reflect-metadata';
import { join } from 'node:path';
import type * as App from '../../src/app';
import type * as Config from '../../src/config';

/**
 * The service as it was built into the folder that `BUILT_CHECKOUT` names, in a process of its own: like
 * service-process.ts, but it starts as fast as in production, as nothing is compiled first.
 */
async function serve([directory = '', redisPrefix = '', amqpPrefix = '']: string[]): Promise<void> {
  const built = join(process.env['BUILT_CHECKOUT'] ?? '', 'dist', 'src');
  const { startApp } = (await import(join(built, 'app.js'))) as typeof App;
  const { loadConfig } = (await import(join(built, 'config.js'))) as typeof Config;
  const app = await startApp(loadConfig(process.env, directory), { redisPrefix, amqpPrefix });
  await app.ready;
  process.send?.({ url: app.url });
}

process.once('disconnect', () => process.exit(0));
void serve(process.argv.slice(2));
