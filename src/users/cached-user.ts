import { columnsOf, type EntityColumn } from '../postgres/entity-columns';
import { parseUserId } from './normalized';
import { addressParts, type ExternalId, type PostalAddress, User } from './user.entity';

/** Reads a value back from JSON; undefined if the column cannot have it. */
type ReadValue = (json: unknown) => unknown;

const readersByType: Readonly<Record<string, ReadValue>> = {
  uuid: (json) => (typeof json === 'string' && parseUserId(json) === json ? json : undefined),
  text: (json) => (typeof json === 'string' ? json : undefined),
  boolean: (json) => (typeof json === 'boolean' ? json : undefined),
  integer: (json) => (Number.isSafeInteger(json) ? json : undefined),
  timestamptz: readTime,
};
const readersByProperty: Readonly<Record<string, ReadValue>> = {
  address: (json) => (isPostalAddress(json) ? json : undefined),
  externalIds: (json) => (isExternalIds(json) ? json : undefined),
};
const columns = columnsOf(User).map((column) => ({ ...column, read: readerOf(column) }));

/** Reads a user back from its JSON form, with every column of the entity; throws TypeError on a wrong value. */
export function parseCachedUser(json: unknown): User {
  const values = json as Readonly<Record<string, unknown>>;
  const user: Record<string, unknown> = {};
  for (const { property, isNullable, read } of columns) {
    const value = values[property];
    const parsed = value === null && isNullable ? null : read(value);
    if (parsed === undefined) throw new TypeError(`a cached user has a wrong ${property}`);
    user[property] = parsed;
  }
  return user as unknown as User;
}

function readerOf({ property, type, isArray, values }: EntityColumn): ReadValue {
  if (values) return (json) => (values.includes(json as string) ? json : undefined);
  const read = readersByProperty[property] ?? (isArray ? undefined : readersByType[type]);
  if (!read) throw new Error(`cached users need a reader for the column ${property}`);
  return read;
}

function readTime(json: unknown): Date | undefined {
  if (typeof json !== 'string') return undefined;
  const time = new Date(json);
  // `toISOString` throws on an invalid date, and differs for a day that the month does not have.
  return !Number.isNaN(time.getTime()) && time.toISOString() === json ? time : undefined;
}

function isPostalAddress(json: unknown): json is PostalAddress {
  if (typeof json !== 'object' || json === null) return false;
  const parts = json as Record<string, unknown>;
  return addressParts.every((part) => parts[part] === null || typeof parts[part] === 'string');
}

function isExternalIds(json: unknown): json is ExternalId[] {
  return (
    Array.isArray(json) &&
    json.length > 0 &&
    json.every(
      (it) => typeof it?.system === 'string' && typeof it.id === 'string' && Object.keys(it).length === 2,
    )
  );
}
