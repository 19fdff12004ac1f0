import type { Logger as TypeOrmLogger } from 'typeorm';
import type { Logger } from '../telemetry/logger';

/** Logs failed and slow queries with their SQL text, never with their parameters, which are personal data. */
export class QueryFailureLogger implements TypeOrmLogger {
  constructor(private readonly logger: Logger) {}

  logQuery(): void {}

  logQueryError(error: string | Error, query: string): void {
    const code = (error as { code?: string }).code;
    this.logger.debug({ query, code }, 'query failed');
  }

  logQuerySlow(timeMs: number, query: string): void {
    this.logger.warn({ query, timeMs }, 'slow query');
  }

  logSchemaBuild(message: string): void {
    this.logger.debug(message);
  }

  logMigration(message: string): void {
    this.logger.info(message);
  }

  log(_level: 'log' | 'info' | 'warn', message: unknown): void {
    this.logger.debug(String(message));
  }
}
