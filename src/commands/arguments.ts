import { InvalidArgumentError } from 'commander';
import { parseUserId } from '../users/normalized';

/** @throws InvalidArgumentError unless the text is a UUID */
export function parseIdArgument(text: string): string {
  const id = parseUserId(text.trim());
  if (id === null) throw new InvalidArgumentError('An id is a UUID other than the nil UUID.');
  return id;
}

/** Returns a parser for whole numbers from 1 to `max`. It throws an InvalidArgumentError for any other text. */
export function countParser(max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (!Number.isSafeInteger(count) || count < 1 || count > max)
      throw new InvalidArgumentError(`Expected a whole number from 1 to ${max}.`);
    return count;
  };
}

/** @throws InvalidArgumentError unless the text is a date, or a date and time */
export function parseTimeArgument(text: string): Date {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (Number.isNaN(at.getTime()))
    throw new InvalidArgumentError('Expected a time such as 2026-03-01T00:00:00Z.');
  return at;
}

/** @throws InvalidArgumentError unless the text is a whole number from 0 to 90 */
export function parseGraceDays(text: string): number {
  return text.trim() === '0' ? 0 : countParser(90)(text);
}
