/** The embedded PostgreSQL cannot run. The message contains the reason and the remedy. */
export class EmbeddedPostgresError extends Error {
  override readonly name: string = 'EmbeddedPostgresError';
}

/** Another running process holds the data directory of the embedded PostgreSQL. */
export class EmbeddedPostgresInUseError extends EmbeddedPostgresError {
  override readonly name = 'EmbeddedPostgresInUseError';

  constructor(
    readonly directory: string,
    readonly pid: number,
  ) {
    super(
      `The embedded PostgreSQL in ${directory} is already in use by process ${pid}. ` +
        'Stop that process, or set DATABASE_URL to another PostgreSQL.',
    );
  }
}
