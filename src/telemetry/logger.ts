import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { describeError, type ErrorDescription, isError } from './describe-error';
import { createRedaction, redactedText, withoutEmailsAndTokens } from './redaction';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** One of pino's levels: fatal, error, warn, info, debug, trace, silent. */
  level: string;
  /** Names of fields with personal data, which are redacted like secrets. Defaults to none. */
  personalNames?: readonly string[];
  /** Receives the lines; defaults to standard output. */
  destination?: DestinationStream;
  /** True writes plain lines instead of JSON. Defaults to true only if standard output is used and is a terminal. */
  readable?: boolean;
}

/**
 * Returns a logger that writes one JSON document per line, or plain lines, with ids and without personal data.
 *
 * Values of fields named like secrets (`authorization`, `password` …) or in `personalNames` are replaced, and so are
 * objects nested five levels deep or deeper. Errors are logged by name, code and location. In the finished line, e-mail
 * addresses, tokens and credentials in URLs are replaced. Names and postal addresses in free text are not
 * recognised, so callers log ids instead.
 */
export function createLogger(options: LoggerOptions): Logger {
  const redaction = createRedaction(options.personalNames ?? []);
  const readable = options.readable ?? (options.destination === undefined && process.stdout.isTTY === true);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redaction.redact(fields),
      },
      // For the bindings of child loggers, to which pino applies only serializers.
      serializers: {
        ...Object.fromEntries(redaction.names.map((name) => [name, () => redactedText])),
        err: (error: unknown) => (isError(error) ? describeError(error) : error),
      },
      hooks: {
        logMethod(args, log) {
          const [first, message] = args as [unknown, unknown];
          const error = isError(first) ? first : (first as { err?: unknown } | null)?.err;
          // By default, pino uses the error's message as the line's message.
          if (message === undefined && isError(error))
            log.call(this, isError(first) ? { err: first } : (first as object), error.name);
          else log.apply(this, args);
        },
        streamWrite: (line) => {
          const clean = withoutEmailsAndTokens(line);
          return readable ? toReadableLine(clean) : clean;
        },
      },
    },
    options.destination ?? pino.destination(1),
  );
}

function toReadableLine(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${readableValue(value)}`);
  const head = `${String(time).slice(11, 23)} ${String(level).padEnd(5)} ${typeof msg === 'string' ? msg : ''}`;
  const error = err === undefined ? '' : `\n${readableError(err)}`;
  return `${[head, ...fields].join('  ')}${error}\n`;
}

function readableValue(value: unknown): string {
  return typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value);
}

function readableError(err: unknown): string {
  const { name, code, constraint, message, at, cause } = err as ErrorDescription;
  const location = at === undefined ? undefined : `at ${at}`;
  const line = `      ${[name, code, constraint, message, location].filter((part) => part !== undefined).join(' ')}`;
  return cause === undefined ? line : `${line}\n${readableError(cause)}`;
}
