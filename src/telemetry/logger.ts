import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { describeError, type ErrorDescription, isError } from './describe-error';
import { createRedaction, redactedText, withoutPersonalData } from './redaction';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** One of pino's levels: fatal, error, warn, info, debug, trace, silent. */
  level: string;
  /** Names of fields that hold personal data, beside those that hold secrets; the service's are in service-log.ts. */
  personalNames?: readonly string[];
  /** Where the lines go. Default: standard output. */
  destination?: DestinationStream;
  /** Plain lines for a person instead of JSON. Default: whether standard output is a terminal. */
  readable?: boolean;
}

/**
 * A logger whose lines hold ids and no personal data: one JSON document a line, or a plain line in a terminal.
 *
 * Values under telling names (`authorization`, `password` …, and `personalNames`) are replaced at any depth, errors are told
 * by name, code and place, and whatever still looks like an e-mail address, a token or credentials in a URL is
 * replaced in the finished line. It does not recognise names or postal addresses in free text: log ids.
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
        log: (fields) => redaction.withoutSecrets(fields),
      },
      // For the bindings of child loggers, which pino formats by these only.
      serializers: {
        ...Object.fromEntries(redaction.names.map((name) => [name, () => redactedText])),
        err: (error: unknown) => (isError(error) ? describeError(error) : error),
      },
      hooks: {
        logMethod(args, log) {
          const [first, message] = args as [unknown, unknown];
          const error = isError(first) ? first : (first as { err?: unknown } | null)?.err;
          // Left to itself, pino makes the error's message the line's.
          if (message === undefined && isError(error))
            log.call(this, isError(first) ? { err: first } : (first as object), error.name);
          else log.apply(this, args);
        },
        streamWrite: (line) => {
          const clean = withoutPersonalData(line);
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
  const place = at === undefined ? undefined : `at ${at}`;
  const line = `      ${[name, code, constraint, message, place].filter((part) => part !== undefined).join(' ')}`;
  return cause === undefined ? line : `${line}\n${readableError(cause)}`;
}
