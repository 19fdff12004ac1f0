/** An error as it is logged. No field can contain a value that a caller sent. */
export interface ErrorDescription {
  readonly name: string;
  /** A Node or SQLSTATE code, such as `ECONNREFUSED` or `23505`. */
  readonly code?: string;
  readonly constraint?: string;
  /** Only for programming errors and failed system calls, whose messages the runtime builds from identifiers. */
  readonly message?: string;
  /** Location in this service's code, such as `Database.query (dist/src/postgres/database.js:53:21)`. */
  readonly at?: string;
  readonly cause?: ErrorDescription;
}

const runtimeErrors = new Set(['TypeError', 'ReferenceError', 'RangeError']);
const maxCauses = 3;

/**
 * Returns a description of a thrown value, with at most `causes` of its causes. It contains the message only if the
 * runtime wrote it, because drivers, parsers and scalars quote invalid values in theirs, such as an e-mail address or a
 * statement's parameters.
 */
export function describeError(error: unknown, causes = maxCauses): ErrorDescription {
  if (!isError(error)) return { name: `thrown ${typeof error}` };
  const { code, constraint, syscall } = error as { code?: unknown; constraint?: unknown; syscall?: unknown };
  const at = locationOf(error);
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

/** Returns whether the value is an error, also one of another realm. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** Returns the innermost stack frame outside packages and Node.js, or else the innermost one. */
function locationOf(error: Error): string | undefined {
  const frames = (error.stack ?? '').split('\n').flatMap((line) => {
    const [, frame] = /^ *at (.+:\d+:\d+\)?)$/.exec(line) ?? [];
    return frame === undefined ? [] : [frame];
  });
  const own = frames.find((frame) => !/node_modules|node:/.test(frame));
  return (own ?? frames[0])?.replace(`${process.cwd()}/`, '');
}
