import type { Database } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { follows, type KeysetPage, keysetTime, type Positioned } from '../postgres/keyset';
import { normalized, unstorable } from './normalized';
import { User, type VerificationStatus } from './user.entity';

/** Conditions of a list; an absent condition matches all users, an empty list none. */
export interface UserFilter {
  status?: readonly string[] | undefined;
  emailVerification?: readonly VerificationStatus[] | undefined;
  createdFrom?: Date | undefined;
  /** Exclusive. */
  createdTo?: Date | undefined;
  /** A prefix of the e-mail address, username, first or last name. */
  search?: string | undefined;
}

const columns = selectListOf(User);

/** Lists users for staff, page by page. */
export class UserListRepository {
  constructor(private readonly database: Database) {}

  /** Returns at most `limit` users after `after`, newest first. The cost is the same at any depth. */
  async list(filter: UserFilter, { limit, after, signal }: KeysetPage): Promise<Positioned<User>[]> {
    if (filter.search?.includes(unstorable)) return [];
    const parameters: unknown[] = [limit];
    const bind = (value: unknown) => `$${parameters.push(value)}`;
    const conditions: string[] = [];
    if (filter.status) conditions.push(`status = ANY(${bind(filter.status)}::text[])`);
    if (filter.emailVerification)
      conditions.push(`email_verification = ANY(${bind(filter.emailVerification)}::text[])`);
    if (filter.createdFrom) conditions.push(`created_at >= ${bind(filter.createdFrom)}`);
    if (filter.createdTo) conditions.push(`created_at < ${bind(filter.createdTo)}`);
    if (filter.search !== undefined) {
      const prefix = bind(`${normalized(filter.search).replace(/[\\%_]/g, '\\$&')}%`);
      const searched = ['email', 'username', 'first_name', 'last_name'];
      conditions.push(`(${searched.map((it) => `${it}_normalized LIKE ${prefix}`).join(' OR ')})`);
    }
    if (after) conditions.push(follows('created_at', after, 'newest first', bind));
    const rows = await this.database.query<User & { at: string }>(
      `SELECT ${columns}, ${keysetTime('created_at')} AS at FROM users
       ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
       ORDER BY created_at DESC, id DESC LIMIT $1`,
      parameters,
      signal,
    );
    return rows.map(({ at, ...row }) => ({ row, position: { at, id: row.id } }));
  }
}
