import { z } from 'zod';
import { fromUnits, toUnits } from '../commerce/amount';
import type { CommerceEvent, EventIdentity } from '../commerce/commerce-event';
import type { ParkReason } from '../parked/message-to-park';
import { parseUserId } from '../users/normalized';
import type { Envelope } from './envelope';
import { UnreadableMessageError } from './unreadable-message';

/** Reads the messages of one meaning. */
export interface EventStream {
  /** The names of the type. Some producers use another spelling. */
  readonly types: readonly string[];
  /** The exchange whose producer may send them. */
  readonly exchange: string;
  /** @throws UnreadableMessageError */
  read(envelope: Envelope): CommerceEvent;
}

const currencies = new Set(Intl.supportedValuesOf('currency'));
const decimal = /^0*\d{1,15}(?:\.\d{1,4})?$/;
const longestDecimal = 50;
/** A JSON number with more digits may differ from the one that the producer wrote. */
const exactDigits = 15;
const longestText = 1_000;
const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
// PostgreSQL has no year 0.
const earliest = Date.parse('0001-01-01T00:00:00Z');
/** Allows for wrong clocks and time zones of producers. A later time would make all other events `late`. */
const furthestAheadMs = 24 * 60 * 60 * 1000;

/** A number or decimal string, zero or more and below 10^15, with at most four decimals. Parses to an exact decimal. */
const amount = fieldOrPark('INVALID_AMOUNT', (value) => {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value);
  if (typeof value === 'number' && text.replace('.', '').length > exactDigits) return undefined;
  return text.length <= longestDecimal && decimal.test(text) ? fromUnits(toUnits(text)) : undefined;
});

const currency = fieldOrPark('UNKNOWN_CURRENCY', (value) =>
  typeof value === 'string' && currencies.has(value) ? value : undefined,
);

/** `{value, currency}`. */
export const money = z
  .object({ value: amount, currency })
  .transform((it) => ({ amount: it.value, currency: it.currency }));

/** A UUID. Parses to its canonical form. */
export const userId = fieldOrPark('INVALID_USER_ID', (value) =>
  typeof value === 'string' ? (parseUserId(value) ?? undefined) : undefined,
);

/** A whole number, 1 or more. */
export const points = fieldOrPark('INVALID_POINTS', (value) =>
  Number.isSafeInteger(value) && (value as number) >= 1 ? (value as number) : undefined,
);

/**
 * RFC 3339 with an offset, or an AMQP timestamp, at most so far ahead. Parses to a `Date`, so digits below a millisecond
 * are dropped.
 */
export function timeAtMost(aheadMs: number) {
  return fieldOrPark('INVALID_TIME', (value) => {
    const at = value instanceof Date ? value.getTime() : parseTime(value);
    return at >= earliest && at <= Date.now() + aheadMs ? new Date(at) : undefined;
  });
}

/** A time at most a day ahead. */
export const time = timeAtMost(furthestAheadMs);

/** An id that another service assigned. */
export const identifier = z.string().min(1).max(255);

/** Text, truncated to 1,000 characters. Absent and empty text parse to null. */
export const text = z
  .string()
  .nullish()
  .transform((value) => (value == null || value === '' ? null : truncate(value)));

/** Returns the identity that an envelope gives its event. */
export function identity({ source, id }: Envelope, occurredAt: Date): EventIdentity {
  return { source, eventId: id, occurredAt };
}

/** @throws UnreadableMessageError with the reason of the first invalid field */
export function readFields<T>(schema: z.ZodType<T>, fields: Record<string, unknown>): T {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const reason = issue?.code === 'custom' ? (issue.message as ParkReason) : 'INVALID_DATA';
  throw new UnreadableMessageError(reason, `${issue?.path.join('.') || 'data'} is missing or invalid`);
}

/** A schema that parses with `read`. A message for which it returns undefined is parked for `reason`. */
function fieldOrPark<T>(reason: ParkReason, read: (value: unknown) => T | undefined) {
  return z.unknown().transform((value, context): T => {
    const result = read(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message: reason });
    return z.NEVER;
  });
}

function parseTime(value: unknown): number {
  // A timestamp in an AMQP header, as amqplib decodes it, in seconds.
  if (typeof value === 'object' && value !== null && '!' in value && 'value' in value)
    return Number(value.value) * 1000;
  const [text, year, month, day] = (typeof value === 'string' && rfc3339.exec(value)) || [];
  // Date.parse takes 30 February for 2 March.
  if (!text || !isOnCalendar(Number(year), Number(month), Number(day))) return Number.NaN;
  // With a space, Date.parse takes the year 1 for 2001.
  return Date.parse(text.toUpperCase().replace(' ', 'T'));
}

function isOnCalendar(year: number, month: number, day: number): boolean {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function truncate(value: string): string {
  const characters = [...value];
  return characters.length > longestText ? `${characters.slice(0, longestText - 1).join('')}…` : value;
}
