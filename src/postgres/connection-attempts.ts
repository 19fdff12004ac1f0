import { pause } from '../scheduling/pause';
import type { Logger } from '../telemetry/logger';
import { isDatabaseUnavailable } from './database-unavailable';
import { MigrationFailedError } from './migration-failed';

const firstDelayMs = 100;
const maxDelayMs = 2_000;
/** The pause after a failed migration: each attempt locks tables, and a person has to repair the cause. */
const failedMigrationDelayMs = 10_000;

export interface RepeatOptions {
  readonly attempt: () => Promise<void>;
  readonly signal: AbortSignal;
  /**
   * An error is thrown if the next attempt would start later than this, and immediately if no retry repairs it. Does not
   * stop an attempt in progress. Absent: every error is retried.
   */
  readonly limitMs?: number | undefined;
}

/** Repeats attempts to connect. Logs a failure if its reason differs from the last one of all pools that share this. */
export class ConnectionAttempts {
  private lastReason: string | null = null;

  constructor(
    private readonly log: Logger,
    private readonly server = 'PostgreSQL',
  ) {}

  /** Resolves when an attempt succeeded or the signal is aborted. */
  async repeat({ attempt, signal, limitMs }: RepeatOptions): Promise<void> {
    const startedAtMs = performance.now();
    for (let delayMs = firstDelayMs; !signal.aborted; delayMs = Math.min(delayMs * 2, maxDelayMs)) {
      try {
        await attempt();
        if (this.lastReason !== null) this.log.info(`connected to ${this.server}`);
        this.lastReason = null;
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (limitMs !== undefined) {
          if (!isUnavailable(error)) throw error;
          if (performance.now() - startedAtMs + delayMs > limitMs) throw givenUp(error, limitMs);
        }
        this.report(error);
        await pause(isMigrationAtFault(error) ? failedMigrationDelayMs : delayMs, signal);
      }
    }
  }

  private report(error: unknown): void {
    const reason = reasonOf(error);
    if (reason === this.lastReason) return;
    this.lastReason = reason;
    if (isMigrationAtFault(error)) {
      const { migration } = error;
      this.log.error({ migration, reason: error.reason }, 'a migration failed: not ready until it succeeds');
    } else if (isUnavailable(error)) {
      this.log.warn({ reason }, `waiting for ${this.server}`);
    } else {
      this.log.error({ reason }, `${this.server} cannot be used: connecting is retried`);
    }
  }
}

/** True if PostgreSQL was unavailable, also if that ended a migration. */
function isUnavailable(error: unknown): boolean {
  return isDatabaseUnavailable(error instanceof MigrationFailedError ? error.cause : error);
}

function isMigrationAtFault(error: unknown): error is MigrationFailedError {
  return error instanceof MigrationFailedError && !isUnavailable(error);
}

/** PostgreSQL did not accept a connection within the limit. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** What `reasonOf` returns if PostgreSQL accepted a connection: a SQLSTATE other than that of a lost connection. */
const reached = /^(?!08)\d|^(Error: )?Query read timeout/;

function givenUp(error: unknown, limitMs: number): Error {
  const seconds = Math.round(limitMs / 1000);
  const reason = reasonOf(error);
  return reached.test(reasonOf(error instanceof MigrationFailedError ? error.cause : error))
    ? new Error(`PostgreSQL was reached, but did not succeed within ${seconds} s: ${reason}.`, {
        cause: error,
      })
    : new UnreachableError(`PostgreSQL could not be reached within ${seconds} s (${reason}).`, {
        cause: error,
      });
}

/** Returns a code such as ECONNREFUSED or 28P01, with PostgreSQL's message if the error is from PostgreSQL. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return 'UNKNOWN';
  if (error instanceof MigrationFailedError) return error.message;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && !/^[0-9A-Z]{5}$/.test(code)
    ? code
    : [code, error.message].filter(Boolean).join(' ');
}
