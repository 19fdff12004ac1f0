import { haveExpiredAfterFixedDays } from '../personal-data/expiries';
import type { Database, Transaction } from '../postgres/database';
import { selectListOf } from '../postgres/entity-columns';
import { insertRows, onConflictDoNothing, type Write, writeTogether } from '../postgres/write';
import { normalized, parseUserId, unstorable } from './normalized';
import { type StoredUserStatus, User } from './user.entity';
import { fromConstraint, UserNotFoundError } from './user.errors';

/** At most `limit` users with one of these statuses and an id greater than `after`. */
export interface UserIdPage {
  readonly statuses: readonly StoredUserStatus[];
  readonly after: string;
  readonly limit: number;
}

const columns = selectListOf(User);

const pendingExpired = haveExpiredAfterFixedDays('pendingUsers');

/** Reads and writes the table `users`. Reads return plain objects; writes use the caller's transaction. */
export class UserRepository {
  constructor(private readonly database: Database) {}

  /** Returns users by id, with one statement. Unknown ids are absent. */
  async findByIds(ids: readonly string[]): Promise<Map<string, User>> {
    const rows = await this.database.query<User>(`SELECT ${columns} FROM users WHERE id = ANY($1::uuid[])`, [
      ids,
    ]);
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
    const [row]: User[] = await tx.manager.query(`SELECT ${columns} FROM users WHERE id = $1 FOR UPDATE`, [
      id,
    ]);
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

  /**
   * Inserts a new user along with other writes, in one statement, replacing expired `PENDING` users.
   *
   * @throws EmailTakenError, UsernameTakenError, UserIdTakenError
   */
  async insert(tx: Transaction, user: User, along: readonly Write[]): Promise<void> {
    const write = insertRows(User, [user]);
    try {
      if ((await writeTogether(tx, onConflictDoNothing(write), ...along)) === 1) return;
      await this.removeExpiredPending(tx, user);
      await writeTogether(tx, write, ...along);
    } catch (error) {
      throw fromConstraint(error);
    }
  }

  /**
   * Updates the user that was read under its lock.
   *
   * @throws EmailTakenError, UsernameTakenError
   */
  async update(tx: Transaction, read: User, changes: Partial<User>): Promise<void> {
    const { affected } = await tx.manager
      .createQueryBuilder()
      .update(User)
      .set(changes)
      .where('id = :id AND version = :version AND revision = :revision', read)
      .execute()
      .catch((error: unknown) => {
        throw fromConstraint(error);
      });
    if (affected !== 1)
      throw new Error(`user ${read.id} was written by another transaction despite its row lock`);
  }

  /** Returns whether a user other than `exceptId` has this normalised address as e-mail or as username. */
  async findTaken(tx: Transaction, address: string, exceptId: string) {
    const [taken]: { email: boolean; username: boolean }[] = await tx.manager.query(
      `SELECT EXISTS (SELECT FROM users WHERE email_normalized = $1 AND id <> $2) AS email,
         EXISTS (SELECT FROM users WHERE username_normalized = $1 AND id <> $2) AS username`,
      [address, exceptId],
    );
    return taken as { email: boolean; username: boolean };
  }

  /** Inserts those users whose id, address and username are free; returns them. */
  async insertFree(tx: Transaction, users: readonly User[]): Promise<Set<User>> {
    if (users.length === 0) return new Set();
    const { raw } = await tx.manager
      .createQueryBuilder()
      .insert()
      .into(User)
      .values([...users])
      .orIgnore()
      .returning('id, email_normalized, username_normalized')
      .updateEntity(false)
      .execute();
    const written = new Set((raw as UniqueKeys[]).map(textOfKeys));
    // Of several users with the same keys, PostgreSQL inserted the first.
    return new Set(
      users.filter((user) => {
        const { id, emailNormalized: email_normalized, usernameNormalized: username_normalized } = user;
        return written.delete(textOfKeys({ id, email_normalized, username_normalized }));
      }),
    );
  }

  /** Returns the users that have the id, address or username of one of these new users. */
  async findHolders(tx: Transaction, wanted: readonly User[]): Promise<User[]> {
    return tx.manager.query(
      `SELECT ${columns} FROM users WHERE id = ANY ($1::uuid[])
         OR email_normalized = ANY ($2::text[]) OR username_normalized = ANY ($3::text[])`,
      uniqueKeysOf(wanted),
    );
  }

  /** Removes expired `PENDING` users that have the id, address or username of one of these new users. */
  async removeExpiredPending(tx: Transaction, ...wanted: readonly User[]): Promise<void> {
    const expired: { id: string }[] = await tx.manager.query(
      `SELECT id FROM users WHERE ${pendingExpired}
         AND (id = ANY ($1::uuid[]) OR email_normalized = ANY ($2::text[])
           OR username_normalized = ANY ($3::text[]))
       ORDER BY id FOR UPDATE`,
      uniqueKeysOf(wanted),
    );
    for (const { id } of expired) await this.removePending(tx, id);
  }

  /** Removes a `PENDING` user and the idempotency keys of its calls; does nothing for other users. */
  async removePending(tx: Transaction, id: string): Promise<void> {
    const [, removed]: [unknown, number] = await tx.manager.query(
      'DELETE FROM users WHERE id = $1 AND status = $2',
      [id, 'PENDING' satisfies StoredUserStatus],
    );
    if (removed > 0) await tx.manager.query('DELETE FROM idempotency_keys WHERE user_id = $1', [id]);
  }
}

/** The columns that are unique, as `RETURNING` names them. */
interface UniqueKeys {
  readonly id: string;
  readonly email_normalized: string;
  readonly username_normalized: string;
}

function textOfKeys({ id, email_normalized, username_normalized }: UniqueKeys): string {
  return JSON.stringify([id, email_normalized, username_normalized]);
}

function uniqueKeysOf(users: readonly User[]): [string[], string[], string[]] {
  return [
    users.map(({ id }) => id),
    users.map(({ emailNormalized }) => emailNormalized),
    users.map(({ usernameNormalized }) => usernameNormalized),
  ];
}
