import { type Config, ConfigError, loadConfig } from '../config';

/** EX_CONFIG of sysexits.h: the configuration is wrong. */
const exitConfig = 78;

/** The configuration; ends the process with 78, naming every problem, when there is none to be had. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  try {
    return loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitConfig);
  }
}
