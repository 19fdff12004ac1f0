/** An error as it may be logged: nothing in it can hold a value that somebody sent. */
export interface ErrorDescription {
  readonly name: string;
  /** A Node or SQLSTATE code, such as `ECONNREFUSED` or `23505`. */
  readonly code?: string;
  readonly constraint?: string;
  /** Only of programming errors and of system calls, whose messages the runtime writes from identifiers. */
  readonly message?: string;
  /** The place in our own code, as `Database.query (dist/src/postgres/database.js:53:21)`; no whole stack. */
  readonly at?: string;
  readonly cause?: ErrorDescription;
}

const runtimeErrors = new Set(['TypeError', 'ReferenceError', 'RangeError']);
const loggedCauses = 3;

/**
 * Describes an error without its message: drivers, parsers and scalars quote the value they choke on (an e-mail
 * address, a statement's parameters). The place and the code say where to look.
 */
export function describeError(error: unknown, causes = loggedCauses): ErrorDescription {
  if (!isError(error)) return { name: `thrown ${typeof error}` };
  const { code, constraint, syscall } = error as { code?: unknown; constraint?: unknown; syscall?: unknown };
  const at = placeOf(error);
  const isWrittenByRuntime = runtimeErrors.has(error.name) || typeof syscall === 'string';
  return {
    name: error.name,
    ...(typeof code === 'string' && { code }),
    ...(typeof constraint === 'string' && { constraint }),
    ...(isWrittenByRuntime && { message: error.message }),
    ...(at !== undefined && { at }),
    ...(isError(error.cause) && causes > 0 && { cause: describeError(error.cause, causes - 1) }),
  };
}

/** Whether this is an error, also one of another realm. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** The innermost frame outside packages and Node, or the innermost of all. */
function placeOf(error: Error): string | undefined {
  const frames = (error.stack ?? '').split('\n').flatMap((line) => {
    const [, frame] = /^ *at (.+:\d+:\d+\)?)$/.exec(line) ?? [];
    return frame === undefined ? [] : [frame];
  });
  const own = frames.find((frame) => !/node_modules|node:/.test(frame));
  return (own ?? frames[0])?.replace(`${process.cwd()}/`, '');
}
