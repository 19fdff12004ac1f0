import type { Logger as TypeOrmLogger } from 'typeorm';
import type { Logger } from '../telemetry/logger';
import { describeStatement } from './statement-summary';

/** Logs failed and slow statements by operation and table, never with their text or parameters. */
export class QueryFailureLogger implements TypeOrmLogger {
  constructor(private readonly logger: Logger) {}

  logQuery(): void {}

  logQueryError(error: string | Error, query: string): void {
    const { code: sqlState } = error as { code?: string };
    this.logger.debug({ statement: describeStatement(query).name, sqlState }, 'query failed');
  }

  logQuerySlow(timeMs: number, query: string): void {
    this.logger.warn({ statement: describeStatement(query).name, durationMs: timeMs }, 'slow query');
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
