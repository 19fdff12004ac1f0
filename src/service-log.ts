import { personalDataNames } from './personal-data/personal-data-names';
import { createLogger, type Logger, type LoggerOptions } from './telemetry/logger';

/** Returns the service's logger, which redacts all fields in the map of personal data. */
export function createServiceLog(options: Omit<LoggerOptions, 'personalNames'>): Logger {
  return createLogger({ ...options, personalNames: personalDataNames() });
}
