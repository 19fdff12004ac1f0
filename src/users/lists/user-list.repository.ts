import { selectListOf } from '../../postgres/entity-columns';
import type { Positioned } from '../../postgres/keyset';
import { preparedIfFew } from '../../postgres/prepared';
import type { Reader } from '../../postgres/read-replicas';
import { User } from '../user.entity';
import { type Bind, conditionsOf, type UserCondition, type UserFilter } from './user-filter';
import { type ListPart, listParts, type UserOrder, type UserPosition } from './user-order';

/** Selects a page of a list of users. */
export interface UserListPage {
  readonly order: UserOrder;
  readonly limit: number;
  /** The page follows this position. */
  readonly after: UserPosition | null;
  /** The page precedes this position. */
  readonly before: UserPosition | null;
  /** True for the last users of the list that fit, false for the first ones. */
  readonly backward: boolean;
  /** The properties to read, with `id`; unset: all. Others are undefined in the returned users. */
  readonly properties?: ReadonlySet<string> | undefined;
  /** False if no positions are needed; they may be null then. */
  readonly positions?: boolean;
  /** Cancels the statement. */
  readonly signal?: AbortSignal;
}

/** The most users that are counted. */
const largestCount = 10_000;

/**
 * Lists users for staff, page by page. Each order and each filter has an index. Which of them is read does not depend on
 * an estimate: the matches of each condition are counted first, up to a limit.
 */
export class UserListRepository {
  /** Up to `rareMatches` matches of a condition are read and sorted. Beyond, users are read in the order of the list. */
  constructor(
    private readonly database: Reader,
    private readonly rareMatches = 2_500,
  ) {}

  /** Returns a page in the order of the list. The cost is the same at any depth. */
  async list(filter: UserFilter, page: UserListPage): Promise<Positioned<User>[]> {
    const { limit, after, before, backward, properties, positions = true, signal } = page;
    const columns = selectListOf(User, properties);
    const conditions = conditionsOf(filter);
    if (!conditions) return [];
    const rarest = await this.findRarest(conditions, signal);
    // A prepared statement has one plan for all values, so its limit is no parameter. With conditions no plan fits all.
    const isPrepared = conditions.length === 0;
    const { parameters, bind } = isPrepared ? parametersWith() : parametersWith(limit);
    const size = isPrepared ? limit : '$1';
    const parts = listParts(page.order, { after, before }, { backward, bind });
    const selects = parts.map((part, index) => {
      const position = positions || parts.length > 1 ? `, ${part.position} AS at, ${index} AS part` : '';
      const users = matching(conditions, rarest, bind, part);
      return `(SELECT ${columns}${position} ${users} ORDER BY ${part.orderBy} LIMIT ${size})`;
    });
    const reading = (page.order.direction === 'ASC') !== backward ? 'ASC' : 'DESC';
    const sql =
      selects.length === 1
        ? selects.join()
        : `SELECT * FROM (${selects.join(' UNION ALL ')}) AS parts
           ORDER BY part, at COLLATE "C" ${reading}, id ${reading} LIMIT ${size}`;
    const rows = await this.database.query<User & { at?: string; part?: number }>(
      isPrepared ? preparedIfFew(sql) : sql,
      parameters,
      signal,
    );
    const positioned = rows.map(({ at, part: _part, ...row }) => ({
      row,
      position: at === undefined ? null : { at, id: row.id },
    }));
    return backward ? positioned.reverse() : positioned;
  }

  /** Returns how many users match, or null if they are more than 10,000. */
  async count(filter: UserFilter, signal?: AbortSignal): Promise<number | null> {
    const conditions = conditionsOf(filter);
    if (!conditions) return 0;
    const rarest = await this.findRarest(conditions, signal);
    const { parameters, bind } = parametersWith(largestCount + 1);
    const [row] = await this.database.query<{ users: number }>(
      `SELECT count(*)::integer AS users FROM (SELECT ${matching(conditions, rarest, bind)} LIMIT $1) AS matching`,
      parameters,
      signal,
    );
    const users = row?.users ?? 0;
    return users > largestCount ? null : users;
  }

  /** Returns the condition with the fewest matches, or null if all have more than `rareMatches`. */
  private async findRarest(
    conditions: readonly UserCondition[],
    signal: AbortSignal | undefined,
  ): Promise<UserCondition | null> {
    const { parameters, bind } = parametersWith(this.rareMatches + 1);
    const indexed = conditions.filter(({ matches }) => matches);
    if (indexed.length === 0) return null;
    const counts = indexed.map(
      ({ matches }) => `(SELECT count(*) FROM (${matches?.(bind)} LIMIT $1) AS matching)`,
    );
    const [row] = await this.database.query<{ counts: string[] }>(
      `SELECT ARRAY[${counts.join(', ')}] AS counts`,
      parameters,
      signal,
    );
    const found = (row?.counts ?? []).map(Number);
    const fewest = Math.min(...found);
    return fewest > this.rareMatches ? null : (indexed[found.indexOf(fewest)] ?? null);
  }
}

/** Returns `FROM` and `WHERE`. OFFSET 0 makes PostgreSQL read the matches of the rarest condition before all else. */
function matching(
  conditions: readonly UserCondition[],
  rarest: UserCondition | null,
  bind: Bind,
  part: Pick<ListPart, 'join' | 'conditions'> = { join: '', conditions: [] },
): string {
  const from = rarest ? `(SELECT * FROM users WHERE ${rarest.sql(bind)} OFFSET 0) AS users` : 'users';
  const others = conditions.filter((condition) => condition !== rarest).map(({ sql }) => sql(bind));
  const where = [...others, ...part.conditions];
  return `FROM ${from} ${part.join} ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}`;
}

function parametersWith(...parameters: unknown[]): { parameters: unknown[]; bind: Bind } {
  return { parameters, bind: (value) => `$${parameters.push(value)}` };
}
