import { personalDataNames } from './personal-data/personal-data-names';
import { createLogger, type Logger, type LoggerOptions } from './telemetry/logger';

/** The service's logger: what the map of personal data names never gets into a line. */
export function createServiceLog(options: Omit<LoggerOptions, 'personalNames'>): Logger {
  return createLogger({ ...options, personalNames: personalDataNames() });
}
