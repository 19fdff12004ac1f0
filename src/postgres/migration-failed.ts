/** SQLSTATE class of errors whose messages quote values. */
const dataException = /^22/;

/** A migration failed, and all migrations of its run were rolled back. */
export class MigrationFailedError extends Error {
  override readonly name = 'MigrationFailedError';
  /** Why it failed: PostgreSQL's code, and its message unless that quotes data. */
  readonly reason: string;

  constructor(
    readonly migration: string,
    cause: unknown,
  ) {
    const { code, message } = cause as { code?: string; message?: string };
    const reason = [code, ...(dataException.test(code ?? '') ? [] : [message])].filter(Boolean).join(' ');
    super(`Migration ${migration} failed: ${reason}`, { cause });
    this.reason = reason;
  }
}
