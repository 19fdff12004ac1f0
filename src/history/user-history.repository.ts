import { selectListOf } from '../postgres/entity-columns';
import { follows, type KeysetPosition, keysetTime, type Positioned } from '../postgres/keyset';
import { prepared } from '../postgres/prepared';
import type { Reader } from '../postgres/read-replicas';
import { insertRows, type Write } from '../postgres/write';
import { HistoryEntry } from './history-entry.entity';

/** Selects entries of a history. An absent condition matches all entries, an empty list of types none. */
export interface HistoryFilter {
  types?: readonly string[] | undefined;
  from?: Date | undefined;
  /** Exclusive. */
  to?: Date | undefined;
}

/** Returns the write that inserts entries. It fails if an entry with the same source and event id is stored already. */
export function historyWrite(entries: readonly HistoryEntry[]): Write {
  return insertRows(HistoryEntry, entries);
}

/** A page of a user's history, newest entries first. */
export interface HistoryPage {
  readonly filter: HistoryFilter;
  readonly limit: number;
  readonly after: KeysetPosition | null;
  /**
   * What to read of the entries. Other properties of the returned rows are undefined, and with `page` `position` is
   * null.
   */
  readonly read: HistoryColumns;
}

/**
 * `page`: id, user, type and time, which most queries ask for. `positions` adds the time in full precision, which
 * cursors need, and `all` also the other columns. There are only three sets, because each multiplies the prepared
 * statements.
 */
export type HistoryColumns = 'page' | 'positions' | 'all';

const position = `${keysetTime('occurred_at')} AS at`;
const pageColumns = `id, user_id AS "userId", type, occurred_at AS "occurredAt"`;
const selectLists: Readonly<Record<HistoryColumns, string>> = {
  page: pageColumns,
  positions: `${pageColumns}, ${position}`,
  all: `${selectListOf(HistoryEntry)}, ${position}`,
};

/** Reads pages of the table `user_history`. */
export class UserHistoryRepository {
  constructor(private readonly database: Reader) {}

  /**
   * Returns at most `limit` entries of each user after `after`, newest first, in one statement for all users. A user
   * without such entries has an empty list.
   */
  async listByUsers(
    userIds: readonly string[],
    { filter, limit, after, read }: HistoryPage,
  ): Promise<Map<string, Positioned<HistoryEntry>[]>> {
    const parameters: unknown[] = [userIds, limit];
    const bind = (value: unknown) => `$${parameters.push(value)}`;
    const conditions = ['user_id = wanted.id'];
    if (filter.types) conditions.push(`type = ANY(${bind(filter.types)}::text[])`);
    if (filter.from) conditions.push(`occurred_at >= ${bind(filter.from)}`);
    if (filter.to) conditions.push(`occurred_at < ${bind(filter.to)}`);
    if (after) conditions.push(follows('occurred_at', after, 'newest first', bind));
    const sql = `SELECT entry.* FROM unnest($1::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
         SELECT ${selectLists[read]} FROM user_history
         WHERE ${conditions.join(' AND ')} ORDER BY occurred_at DESC, id DESC LIMIT $2
       ) AS entry`;
    const rows = await this.database.query<HistoryEntry & { at?: string }>(prepared(sql), parameters);
    const entries = new Map<string, Positioned<HistoryEntry>[]>(userIds.map((id) => [id, []]));
    for (const row of rows) {
      const { at, id, userId } = row;
      entries.get(userId)?.push({ row, position: at === undefined ? null : { at, id } });
    }
    return entries;
  }
}
