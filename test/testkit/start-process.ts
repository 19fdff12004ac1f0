import 'reflect-metadata';
import { startApp } from '../../src/app';
import { loadConfig } from '../../src/config';

/**
 * Starts the service with the settings in the environment and keeps nothing running by itself. Takes the folder of
 * `.data/` and the prefixes. Writes the error of a start that failed to standard output.
 */
const [directory = '', redisPrefix = '', amqpPrefix = ''] = process.argv.slice(2);
startApp(loadConfig(process.env, directory), { redisPrefix, amqpPrefix }).catch((error: unknown) => {
  process.stdout.write(String(error));
});
