import type { Database, Transaction } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { prepared } from '../postgres/prepared';
import { normalized, parseUserId, unstorable } from './normalized';
import { type StoredUserStatus, User } from './user.entity';
import { UserNotFoundError } from './user.errors';

/** At most `limit` users with one of these statuses and an id greater than `after`. */
export interface UserIdPage {
  readonly statuses: readonly StoredUserStatus[];
  readonly after: string;
  readonly limit: number;
}

const columns = selectListOf(User);

/** Reads and changes the table `users`. Reads return plain objects; writes use the caller's transaction. */
export class UserRepository {
  constructor(private readonly database: Database) {}

  /** Returns users by id, with one statement. Unknown ids are absent. */
  async findByIds(ids: readonly string[]): Promise<Map<string, User>> {
    const rows = await this.database.query<User>(
      prepared(`SELECT ${columns} FROM users WHERE id = ANY($1::uuid[])`),
      [ids],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Returns the ids of erased users among these. */
  async findErased(ids: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      'SELECT user_id AS id FROM erased_users WHERE user_id = ANY ($1::uuid[])',
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  /** True if the user is frozen. Reads PostgreSQL, because the cache may lag behind. */
  async isFrozen(userId: string): Promise<boolean> {
    const frozen = `status = 'DEACTIVATED' AND status_reason = 'SECURITY_VIOLATION'`;
    const select = `SELECT 1 FROM users WHERE id = $1 AND ${frozen}`;
    return (await this.database.query(select, [parseUserId(userId)])).length > 0;
  }

  async findByEmail(email: string): Promise<User | null> {
    if (email.includes(unstorable)) return null;
    const [row] = await this.database.query<User>(
      `SELECT ${columns} FROM users WHERE email_normalized = $1`,
      [normalized(email)],
    );
    return row ?? null;
  }

  async count(statuses: readonly StoredUserStatus[]): Promise<number> {
    const [row] = await this.database.query<{ users: string }>(
      'SELECT count(*) AS users FROM users WHERE status = ANY ($1::text[])',
      [statuses],
    );
    return Number(row?.users ?? 0);
  }

  /** Returns a page of users, ordered by id. */
  async listById(tx: Transaction, { statuses, after, limit }: UserIdPage): Promise<User[]> {
    return tx.manager.query(
      `SELECT ${columns} FROM users WHERE status = ANY ($1::text[]) AND id > $2::uuid ORDER BY id LIMIT $3`,
      [statuses, after, limit],
    );
  }

  /** Returns the user as committed, locked until the transaction ends; null if unknown. */
  async lock(tx: Transaction, id: string): Promise<User | null> {
    const [row]: User[] = await tx.manager.query(
      prepared(`SELECT ${columns} FROM users WHERE id = $1 FOR UPDATE`),
      [id],
    );
    return row ?? null;
  }

  /**
   * Returns the user of an id as a caller sent it, as committed, locked until the transaction ends.
   *
   * @throws UserNotFoundError also if the id is malformed
   */
  async lockKnown(tx: Transaction, userId: string): Promise<User> {
    const id = parseUserId(userId);
    const user = id === null ? null : await this.lock(tx, id);
    if (!user) throw new UserNotFoundError();
    return user;
  }

  /** Returns whether a user other than `exceptId` has this normalised address as e-mail or as username. */
  async findTaken(target: Transaction | Database, address: string, exceptId: string) {
    const run = 'manager' in target ? target.manager : target;
    const [taken] = (await run.query(
      `SELECT EXISTS (SELECT FROM users WHERE email_normalized = $1 AND id <> $2) AS email,
         EXISTS (SELECT FROM users WHERE username_normalized = $1 AND id <> $2) AS username`,
      [address, exceptId],
    )) as [{ email: boolean; username: boolean }];
    return taken;
  }
}
