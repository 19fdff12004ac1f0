import { normalized, parseUserId, unstorable } from '../normalized';
import type { VerificationStatus } from '../user.entity';

/** Conditions of a list; an absent condition matches all users, an empty list none. */
export interface UserFilter {
  /** Malformed ids match no user. */
  readonly ids?: readonly string[] | undefined;
  readonly status?: readonly string[] | undefined;
  readonly emailVerification?: readonly VerificationStatus[] | undefined;
  /** The whole username, regardless of case. */
  readonly username?: string | undefined;
  /** The whole number in E.164 form, with or without its plus sign. */
  readonly phoneNumber?: string | undefined;
  readonly createdFrom?: Date | undefined;
  /** Exclusive, as the ends of the other periods. */
  readonly createdTo?: Date | undefined;
  readonly updatedFrom?: Date | undefined;
  readonly updatedTo?: Date | undefined;
  readonly lastSeenFrom?: Date | undefined;
  readonly lastSeenTo?: Date | undefined;
  readonly orderCountMin?: number | undefined;
  readonly orderCountMax?: number | undefined;
  /** The least that a user has spent in this currency. The amount is an exact decimal. */
  readonly spentMin?: { readonly amount: string; readonly currency: string } | undefined;
  /** A prefix of the e-mail address, the username, the last name, or the first name with the last name. */
  readonly search?: string | undefined;
}

/** Adds a value to the parameters of a statement and returns its placeholder. */
export type Bind = (value: unknown) => string;

/** A condition on a row of `users`. */
export interface UserCondition {
  readonly sql: (bind: Bind) => string;
  /** Selects one row or more for each match, in the order of an index; absent if no index finds the matches. */
  readonly matches?: (bind: Bind) => string;
}

/** Returns the conditions of a filter, or null if no user can meet them. Users must meet all. */
export function conditionsOf(filter: UserFilter): UserCondition[] | null {
  const { ids, username, phoneNumber, search, spentMin } = filter;
  if ([username, phoneNumber, search, spentMin?.currency].some((text) => text?.includes(unstorable)))
    return null;
  const conditions = [
    ...period('created_at', filter.createdFrom, filter.createdTo),
    ...period('updated_at', filter.updatedFrom, filter.updatedTo),
    ...seenCondition(filter),
    ...oneOf('status', filter.status),
    ...oneOf('email_verification', filter.emailVerification),
    ...commerceConditions(filter),
  ];
  if (ids) {
    const known = ids.map(parseUserId).filter((id) => id !== null);
    conditions.push(ofUsers((bind) => `id = ANY(${bind(known)}::uuid[])`));
  }
  if (username !== undefined)
    conditions.push(ofUsers((bind) => `username_normalized = ${bind(normalized(username))}`));
  if (phoneNumber !== undefined) {
    const stored = `+${phoneNumber.trim().replace(/^\+/, '')}`;
    conditions.push(ofUsers((bind) => `phone_number = ${bind(stored)}`));
  }
  const prefix = search === undefined ? '' : normalized(search);
  if (prefix !== '') {
    const found = (bind: Bind) => `term ^@ left(search_form(${bind(prefix)}), 300)`;
    conditions.push(withRow('user_search', found, 'term'));
  }
  return conditions;
}

function ofUsers(sql: UserCondition['sql'], order?: string): UserCondition {
  return {
    sql,
    matches: (bind) => `SELECT FROM users WHERE ${sql(bind)} ${order ? `ORDER BY ${order}` : ''}`,
  };
}

/** Returns the condition that a user has a row in another table; `order` is a column of its index. */
function withRow(table: string, which: UserCondition['sql'], order: string): UserCondition {
  return {
    sql: (bind) => `EXISTS (SELECT FROM ${table} WHERE user_id = users.id AND ${which(bind)})`,
    matches: (bind) => `SELECT FROM ${table} WHERE ${which(bind)} ORDER BY ${order}`,
  };
}

/** A single value is compared with `=`: then an index that starts with the column also gives an order. */
function oneOf(column: string, values: readonly string[] | undefined): UserCondition[] {
  if (values === undefined) return [];
  const distinct = [...new Set(values)];
  const [only] = distinct;
  if (distinct.length === 1) return [ofUsers((bind) => `${column} = ${bind(only)}`, 'created_at')];
  return [{ sql: (bind) => `${column} = ANY(${bind(distinct)}::text[])` }];
}

function period(column: string, from: Date | undefined, to: Date | undefined): UserCondition[] {
  const within = periodOf(column, from, to);
  return within ? [ofUsers(within, column)] : [];
}

/** Users who never signed in match no period. */
function seenCondition({ lastSeenFrom, lastSeenTo }: UserFilter): UserCondition[] {
  const within = periodOf('last_seen_at', lastSeenFrom, lastSeenTo);
  return within ? [withRow('user_activity', within, 'last_seen_at')] : [];
}

function periodOf(column: string, from: Date | undefined, to: Date | undefined) {
  if (from === undefined && to === undefined) return null;
  return (bind: Bind) =>
    [
      ...(from === undefined ? [] : [`${column} >= ${bind(from)}`]),
      ...(to === undefined ? [] : [`${column} < ${bind(to)}`]),
    ].join(' AND ');
}

/** Users without commerce have no rows: their count and their sums are zero. */
function commerceConditions({
  orderCountMin: min,
  orderCountMax: max,
  spentMin,
}: UserFilter): UserCondition[] {
  const conditions: UserCondition[] = [];
  if (min !== undefined && min > 0) {
    const counted = (bind: Bind) =>
      `order_count >= ${bind(min)}::integer${max === undefined ? '' : ` AND order_count <= ${bind(max)}::integer`}`;
    conditions.push(withRow('user_commerce', counted, 'order_count'));
  } else if (max !== undefined) {
    const { sql } = withRow('user_commerce', (bind) => `order_count > ${bind(max)}::integer`, 'order_count');
    conditions.push({ sql: (bind) => (max < 0 ? 'false' : `NOT ${sql(bind)}`) });
  }
  if (spentMin !== undefined && Number(spentMin.amount) > 0) {
    const { currency, amount } = spentMin;
    const spent = (bind: Bind) => `currency = ${bind(currency)} AND amount >= ${bind(amount)}::numeric`;
    conditions.push(withRow('user_spending', spent, 'amount'));
  }
  return conditions;
}
