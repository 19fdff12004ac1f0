/** The embedded PostgreSQL cannot run. The message states the reason and what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name: string = 'EmbeddedPostgresError';
}

/** Another running process holds the data directory of the embedded PostgreSQL. */
export class EmbeddedPostgresInUseError extends EmbeddedPostgresError {
  override readonly name = 'EmbeddedPostgresInUseError';

  constructor(
    readonly directory: string,
    /** The process that started the embedded PostgreSQL, not PostgreSQL's own. */
    readonly pid: number,
  ) {
    super(
      `The embedded PostgreSQL's data directory ${directory} is already in use by process ${pid}, ` +
        'a User Service or one of its commands. Stop that process, or set DATABASE_URL to the URL of another ' +
        'PostgreSQL server.',
    );
  }
}
