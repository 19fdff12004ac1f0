import type { Origin } from '../audit/origin';
import type { Actor } from '../authentication/actor';
import type { Database, Transaction } from '../postgres/database';
import { isRolledBackForOne } from '../postgres/failed-write';
import { Groups } from '../scheduling/groups';
import { insertFreeUsers, removeExpiredPending } from './new-users.repository';
import { User } from './user.entity';
import { UserError, UserNotActiveError, VersionConflictError } from './user.errors';
import type { UserEvent } from './user.events';
import type { UserRepository } from './user.repository';
import { type Insertion, type Update, UserWrites, type UserWritesOptions } from './writes/user-writes';

/** The actor of a call, with its trace context. */
export interface Caller extends Origin {
  readonly actor: Actor;
}

export interface UserChangesOptions extends UserWritesOptions {
  readonly database: Database;
  readonly users: UserRepository;
}

/** A new user, and its first event; null for a `PENDING` user. */
export interface NewUser {
  readonly user: User;
  readonly event: UserEvent | null;
  readonly origin: Origin;
}

/** New users, and the first event of each. */
export interface NewUsers {
  readonly users: readonly User[];
  readonly eventOf: (user: User) => UserEvent;
  readonly origin: Origin;
}

/** A change of a user. */
export interface UserChange {
  /** The user as read. */
  readonly user: User;
  readonly values: Partial<User>;
  /** From `timeFor`. */
  readonly at: Date;
  /** Makes the event from the changed user. */
  readonly eventOf: (changed: User) => UserEvent;
  readonly origin: Origin;
}

/**
 * Returns the change of a user, or null if there is nothing to change. It may throw an expected error, and read from
 * `target`. It may be called again, with the user as a concurrent transaction left it.
 */
export type Decide = (user: User, target: Transaction | Database) => Promise<UserChange | null>;

/** A decision on a user, to be made together with those of concurrent calls. */
interface Decision {
  readonly userId: string;
  readonly decide: Decide;
}

/** The user after a decision, or the error that it threw. Null if it was not carried out. */
type Outcome = { readonly user: User } | { readonly error: unknown } | null;

/** Two, so that one slow commit does not block all others. */
const parallelGroups = 2;
const largestGroup = 100;

/** Throws VersionConflictError if the caller expects another version. */
export function checkVersion(user: User, expectedVersion: number | null | undefined): void {
  if (expectedVersion !== null && expectedVersion !== undefined && expectedVersion !== user.version) {
    throw new VersionConflictError(user.version);
  }
}

/** Throws UserNotActiveError unless the user is `ACTIVE`. */
export function checkActive(user: User): void {
  if (user.status !== 'ACTIVE') throw new UserNotActiveError();
}

/**
 * Writes all changes of users, each with its history entry, audit entry and outbox event. `tryInsert` batches
 * concurrent inserts into one statement, and `tryChange` concurrent changes; each statement is its own transaction. A
 * call that would wait for a lock or violate a constraint writes nothing. The caller then uses `insert` or `apply`.
 */
export class UserChanges {
  private readonly writes: UserWrites;
  private readonly insertions = new Groups<Insertion, boolean>({
    parallel: parallelGroups,
    process: (group) => this.insertGroup(group),
    joins: (group) => group.length < largestGroup,
  });
  private readonly decisions = new Groups<Decision, Outcome>({
    parallel: parallelGroups,
    process: (group) => this.changeGroup(group),
    joins: (group, { userId }) =>
      group.length < largestGroup && group.every((other) => other.userId !== userId),
  });

  constructor(private readonly options: UserChangesOptions) {
    this.writes = new UserWrites(options);
  }

  /** Returns the time for a change: now, but always after the user's last change. Replicas' clocks differ. */
  timeFor(user: User): Date {
    return new Date(Math.max(Date.now(), user.updatedAt.getTime() + 1));
  }

  /**
   * Writes a new user with a generated id and no external ids. Returns false if it wrote nothing: the address or
   * username is taken, or the batch was rolled back because of another user. `insert` then decides.
   *
   * @throws DatabaseUnavailableError
   */
  tryInsert(created: NewUser): Promise<boolean> {
    return this.insertions.add(insertionOf(created));
  }

  /**
   * Decides on the user as committed, and writes the change. Returns the user as it is then. Returns null if the user
   * is unknown, has no audit key, or is locked or changed by a concurrent transaction, and if the batch was rolled back
   * because of one of its users. The caller then locks the user, decides and calls `apply`.
   *
   * @throws DatabaseUnavailableError, and the errors of `decide`
   */
  async tryChange(userId: string, decide: Decide): Promise<User | null> {
    const outcome = await this.decisions.add({ userId, decide });
    if (outcome && 'error' in outcome) throw outcome.error;
    return outcome && outcome.user;
  }

  /**
   * Writes a new user, with its records if there is an event. Replaces expired `PENDING` users.
   *
   * @throws EmailTakenError, UsernameTakenError, UserIdTakenError, ExternalIdTakenError
   */
  async insert(tx: Transaction, created: NewUser): Promise<User> {
    const { user } = created;
    const insertions = [insertionOf(created)];
    // Conflicts of external ids raise an error, after which the transaction cannot continue.
    if (user.externalIds !== null) await removeExpiredPending(tx, user);
    if ((await this.writes.insert(tx, insertions, 'skip')).size === 1) return user;
    await removeExpiredPending(tx, user);
    await this.writes.insert(tx, insertions, 'throw');
    return user;
  }

  /**
   * Writes those new users whose id, address, username and external ids are free; returns them.
   *
   * @throws UserIdTakenError if an erasure of the same id commits during the insert
   */
  async insertFree(tx: Transaction, { users, eventOf, origin }: NewUsers): Promise<Set<User>> {
    const inserted = await insertFreeUsers(tx, users);
    const insertions = [...inserted].map((user) => insertionOf({ user, event: eventOf(user), origin }));
    await this.writes.recordInserted(tx, insertions);
    return inserted;
  }

  /** Writes a change of a user whose row is locked; returns the user at its next version. */
  async apply(tx: Transaction, change: UserChange): Promise<User> {
    const keys = await this.options.audit.ensureKeys(tx, new Set([change.user.id]));
    return this.updateLocked(tx, updateOf(change), keys);
  }

  /** Writes values without a new version, event, history or audit entry. The user's row must be locked. */
  writeUncounted(tx: Transaction, user: User, values: Partial<User>): Promise<User> {
    const written = { ...values, revision: user.revision + 1 };
    return this.updateLocked(tx, {
      read: user,
      user: changedUser(user, written),
      values: written,
      change: null,
    });
  }

  private async updateLocked(
    tx: Transaction,
    update: Update,
    keys: ReadonlyMap<string, Buffer> = new Map(),
  ): Promise<User> {
    const written = await this.writes.update(tx, [update], keys);
    if (written.size !== 1)
      throw new Error(`user ${update.user.id} was written by another transaction despite its row lock`);
    return update.user;
  }

  private async insertGroup(group: readonly Insertion[]): Promise<boolean[]> {
    const written = await this.writes
      .insert(this.options.database, group, 'skip')
      .catch(noneIfRolledBackForOne);
    return group.map(({ user }) => written.has(user.id));
  }

  private async changeGroup(group: readonly Decision[]): Promise<Outcome[]> {
    const { audit, database, users } = this.options;
    const ids = group.map(({ userId }) => userId);
    const [found, keys] = await Promise.all([users.findByIds(ids), audit.findKeys(ids)]);
    const decided = await Promise.all(
      group.map(({ userId, decide }) => decideOn(database, found.get(userId), decide)),
    );
    // Only `apply` creates audit keys, because that requires the row lock.
    const updates = decided.flatMap((it) =>
      it && 'update' in it && keys.has(it.update.user.id) ? [it.update] : [],
    );
    const written =
      updates.length === 0
        ? new Set()
        : await this.writes.update(database, updates, keys).catch(noneIfRolledBackForOne);
    return decided.map((it) => {
      if (!it || !('update' in it)) return it;
      return written.has(it.update.user.id) ? { user: it.update.user } : null;
    });
  }
}

/** Returns no users for the error of a statement that was rolled back because of one of them; rethrows other errors. */
function noneIfRolledBackForOne(error: unknown): Set<string> {
  if (error instanceof UserError || isRolledBackForOne(error)) return new Set();
  throw error;
}

async function decideOn(
  database: Database,
  user: User | undefined,
  decide: Decide,
): Promise<Outcome | { readonly update: Update }> {
  if (!user) return null;
  try {
    const change = await decide(user, database);
    return change ? { update: updateOf(change) } : { user };
  } catch (error) {
    return { error };
  }
}

function insertionOf({ user, event, origin }: NewUser): Insertion {
  return { user, change: event && { before: null, user, event, at: user.createdAt, origin } };
}

function updateOf({ user: read, values, at, eventOf, origin }: UserChange): Update {
  const written = { ...values, updatedAt: at, version: read.version + 1, revision: read.revision + 1 };
  const user = changedUser(read, written);
  // The first event of a user that was PENDING is its creation, for subscribers and auditors.
  const before = read.status === 'PENDING' ? null : read;
  return { read, user, values: written, change: { before, user, event: eventOf(user), at, origin } };
}

function changedUser(user: User, values: Partial<User>): User {
  return Object.assign(new User(), user, values);
}
