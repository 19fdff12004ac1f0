import type { DaysSetting, Expiry, PersonalTable } from './personal-data';
import { personalDataMap } from './personal-data-map';

/** An expiry rule with its table. */
export type TableExpiry = Expiry & { readonly table: string } & Pick<PersonalTable, 'ofUser'>;

/** Days after which data expire, by setting. Null means that they never expire. */
export type RetentionPolicy = Readonly<Record<DaysSetting, number | null>>;

/** All expiry rules in the map of personal data. */
export const expiries: readonly TableExpiry[] = Object.entries(personalDataMap).flatMap(
  ([table, { ofUser, retention }]) =>
    'stays' in retention ? [] : retention.map((it) => ({ ...it, table, ofUser })),
);

/**
 * Returns the expiry rule of this name.
 *
 * @throws Error if the map of personal data has none
 */
export function getExpiry(name: string): TableExpiry {
  const expiry = expiries.find((it) => it.name === name);
  if (!expiry) throw new Error(`The map of personal data has no expiry rule ${name}`);
  return expiry;
}

/**
 * Returns the SQL condition for records that have expired under the rule of this name.
 *
 * @throws Error if the rule's number of days is a setting
 */
export function haveExpiredAfterFixedDays(name: string): string {
  const expiry = getExpiry(name);
  if (typeof expiry.days !== 'number')
    throw new Error(`The days of expiry rule ${name} are set by ${expiry.days}`);
  return haveExpired(expiry, expiry.days);
}

/** Returns the days after which the records expire, or null if they never expire. */
export function daysOf({ days }: Expiry, policy: RetentionPolicy): number | null {
  return typeof days === 'number' ? days : policy[days];
}

/** Returns the SQL condition for expired records. `days` is a number, or a parameter such as `$1`. */
export function haveExpired({ which, since }: Expiry, days: number | `$${number}`): string {
  const expired = `${since} < now() - make_interval(days => ${days})`;
  return which === undefined ? expired : `${which} AND ${expired}`;
}

/** Returns the SQL condition for records of users under a legal hold. It is `false` if the records are of no user. */
export function areHeld({ ofUser }: TableExpiry): string {
  if (ofUser === null) return 'false';
  // No table has a column `held_user_id`, which would take precedence inside `ofUser`.
  const isHolders = ofUser.replaceAll('$1', 'held_user_id');
  return `EXISTS (SELECT FROM (SELECT user_id AS held_user_id FROM legal_holds) AS holds WHERE ${isHolders})`;
}

/** Returns the SQL condition for expired records, without those of users under a legal hold. */
export function haveExpiredUnheld(expiry: TableExpiry, days: number | `$${number}`): string {
  return `${haveExpired(expiry, days)} AND NOT ${areHeld(expiry)}`;
}
