import type { DaysSetting, Expiry, PersonalTable } from './personal-data';
import { personalDataMap } from './personal-data-map';

/** Records of a table that have their time. */
export type TableExpiry = Expiry & { readonly table: string } & Pick<PersonalTable, 'ofUser'>;

/** Days after which data go, by the setting that says so; null: they stay. */
export type RetentionPolicy = Readonly<Record<DaysSetting, number | null>>;

/** All records that have their time, as the map of personal data has them. */
export const expiries: readonly TableExpiry[] = Object.entries(personalDataMap).flatMap(
  ([table, { ofUser, retention }]) =>
    'stays' in retention ? [] : retention.map((it) => ({ ...it, table, ofUser })),
);

/**
 * The records of this name.
 *
 * @throws Error when the map of personal data has none
 */
export function getExpiry(name: string): TableExpiry {
  const expiry = expiries.find((it) => it.name === name);
  if (!expiry) throw new Error(`the map of personal data does not say when ${name} have had their time`);
  return expiry;
}

/**
 * SQL: which records of this name have had their time.
 *
 * @throws Error when it is a setting that says how many days they have
 */
export function haveExpiredByThemselves(name: string): string {
  const expiry = getExpiry(name);
  if (typeof expiry.days !== 'number') throw new Error(`${expiry.days} says how many days ${name} have`);
  return haveExpired(expiry, expiry.days);
}

/** How many days the records have; null: they stay. */
export function daysOf({ days }: Expiry, policy: RetentionPolicy): number | null {
  return typeof days === 'number' ? days : policy[days];
}

/** SQL: which records of the table have had their time; `days` is a number, or a parameter such as `$1`. */
export function haveExpired({ which, since }: Expiry, days: number | `$${number}`): string {
  const expired = `${since} < now() - make_interval(days => ${days})`;
  return which === undefined ? expired : `${which} AND ${expired}`;
}

/** SQL: which records of the table are those of a user under a legal hold. */
export function areHeld({ ofUser }: TableExpiry): string {
  if (ofUser === null) return 'false';
  // Under a name that no table has, so that it is this one and not a column of the table.
  const isHolds = ofUser.replaceAll('$1', 'held_user_id');
  return `EXISTS (SELECT FROM (SELECT user_id AS held_user_id FROM legal_holds) AS holds WHERE ${isHolds})`;
}

/** SQL: which records of the table have had their time and are no user's who is under a legal hold. */
export function haveExpiredUnheld(expiry: TableExpiry, days: number | `$${number}`): string {
  return `${haveExpired(expiry, days)} AND NOT ${areHeld(expiry)}`;
}
