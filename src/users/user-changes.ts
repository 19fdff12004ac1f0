import { isDeepStrictEqual } from 'node:util';
import { v7 as uuidv7 } from 'uuid';
import type { AuditedAction, AuditLog, AuditRecord } from '../audit/audit-log';
import type { ChangedValues } from '../audit/audit-values';
import type { Origin } from '../audit/origin';
import type { Actor } from '../authentication/actor';
import { historyWrite } from '../history/user-history.repository';
import type { Outbox } from '../outbox/outbox';
import type { Transaction } from '../postgres/database';
import { type Write, writeTogether } from '../postgres/write';
import { insertFreeUsers, insertUser } from './new-users.repository';
import type { UserCache } from './user.cache';
import { User } from './user.entity';
import { fromConstraint, UserNotActiveError, VersionConflictError } from './user.errors';
import type { UserEvent } from './user.events';
import type { UserRepository } from './user.repository';

/** The actor of a call, with its trace context. */
export interface Caller extends Origin {
  readonly actor: Actor;
}

export interface UserChangesOptions {
  readonly users: UserRepository;
  readonly cache: UserCache;
  readonly outbox: Outbox;
  readonly audit: AuditLog;
  /** Called after commit with the id of each new user. */
  readonly onUserKnown?: ((userId: string) => void) | undefined;
}

/** A new user, and the event that publishes it; null for a `PENDING` user. */
export interface NewUser {
  readonly user: User;
  readonly event: UserEvent | null;
  readonly origin: Origin;
}

/** New users, and the event that publishes each of them. */
export interface NewUsers {
  readonly users: readonly User[];
  readonly eventOf: (user: User) => UserEvent;
  readonly origin: Origin;
}

/** A change of a user whose row is locked. */
export interface UserChange {
  /** The user as read under the lock. */
  readonly user: User;
  readonly values: Partial<User>;
  /** From `timeFor`. */
  readonly at: Date;
  /** Makes the event from the changed user. */
  readonly eventOf: (changed: User) => UserEvent;
  readonly origin: Origin;
}

/** A change to publish. `before` is null when nothing was published about the user yet. */
interface Change {
  readonly before: User | null;
  readonly user: User;
  readonly event: UserEvent;
  readonly at: Date;
}

interface ChangesToWrite {
  readonly changes: readonly Change[];
  readonly origin: Origin;
  readonly audited: AuditRecord<readonly Write[]>;
}

type Writes = readonly [Write, ...Write[]];

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
 * Writes all changes of users: the row, history entry, audit entry and event in the caller's transaction, the cache
 * after its commit.
 */
export class UserChanges {
  constructor(private readonly options: UserChangesOptions) {}

  /** Returns the time for a change: now, but always after the user's last change. Replicas' clocks differ. */
  timeFor(user: User): Date {
    return new Date(Math.max(Date.now(), user.updatedAt.getTime() + 1));
  }

  /**
   * Writes a new user, and publishes it if there is an event.
   *
   * @throws EmailTakenError, UsernameTakenError, UserIdTakenError, ExternalIdTakenError
   */
  async insert(tx: Transaction, { user, event, origin }: NewUser): Promise<User> {
    const changes = event ? [{ before: null, user, event, at: user.createdAt }] : [];
    const along = changes.length > 0 ? this.newUserWrites(tx, changes, origin) : [];
    await insertUser(tx, user, along);
    this.cacheAfterCommit(tx, user);
    return user;
  }

  /**
   * Writes and publishes those new users whose id, address, username and external ids are free; returns them.
   *
   * @throws UserIdTakenError if an erasure of the same id commits during the insert
   */
  async insertFree(tx: Transaction, { users, eventOf, origin }: NewUsers): Promise<Set<User>> {
    const inserted = await insertFreeUsers(tx, users);
    const changes = [...inserted].map((user) => ({
      before: null,
      user,
      event: eventOf(user),
      at: user.createdAt,
    }));
    if (changes.length > 0)
      await writeTogether(tx, ...this.newUserWrites(tx, changes, origin)).catch((error: unknown) => {
        throw fromConstraint(error);
      });
    this.cacheAfterCommit(tx, ...inserted);
    return inserted;
  }

  /** Writes and publishes a change; returns the user at its next version. */
  async apply(tx: Transaction, { user, values, at, eventOf, origin }: UserChange): Promise<User> {
    const changed = await this.update(tx, user, { ...values, updatedAt: at, version: user.version + 1 });
    // The publication of a user that was PENDING is its creation, for subscribers and auditors.
    const before = user.status === 'PENDING' ? null : user;
    const changes = [{ before, user: changed, event: eventOf(changed), at }];
    const audited = await this.options.audit.recordWrites(tx, auditedOf(changes, origin));
    await writeTogether(tx, ...this.writesOf(tx, { changes, origin, audited }));
    this.cacheAfterCommit(tx, changed);
    return changed;
  }

  /** Writes values that the contract does not count as a change: no version, event or history. */
  async touch(tx: Transaction, user: User, values: Partial<User>): Promise<User> {
    const changed = await this.update(tx, user, values);
    this.cacheAfterCommit(tx, changed);
    return changed;
  }

  private async update(tx: Transaction, user: User, values: Partial<User>): Promise<User> {
    const written = { ...values, revision: user.revision + 1 };
    await this.options.users.update(tx, user, written);
    return Object.assign(new User(), user, written);
  }

  // After commit: before it, a concurrent reader would cache the old row again.
  private cacheAfterCommit(tx: Transaction, ...users: readonly User[]): void {
    tx.afterCommit(async () => {
      await Promise.all(users.map((user) => this.options.cache.write(user)));
    });
  }

  private newUserWrites(tx: Transaction, changes: readonly Change[], origin: Origin): Writes {
    const audited = this.options.audit.newUserRecordWrites(auditedOf(changes, origin));
    return this.writesOf(tx, { changes, origin, audited });
  }

  private writesOf(tx: Transaction, { changes, origin, audited }: ChangesToWrite): Writes {
    const { onUserKnown, outbox } = this.options;
    const identified = changes.map((change) => ({ ...change, eventId: uuidv7() }));
    for (const { user, event } of identified)
      if (event.type === 'UserCreated' && onUserKnown) tx.afterCommit(() => onUserKnown(user.id));
    const entries = identified.map(({ user, event, at, eventId }) => ({
      id: uuidv7(),
      userId: user.id,
      occurredAt: at,
      recordedAt: at,
      source: `/user-service/users/${user.id}`,
      eventId,
      late: false,
      ...event.history,
    }));
    const events = identified.map(({ user, event, at, eventId }) => ({
      id: eventId,
      userId: user.id,
      version: user.version,
      type: event.type,
      data: event.data,
      occurredAt: at,
      traceparent: origin.traceparent,
    }));
    return [historyWrite(entries), ...audited.writes, outbox.appendWrite(tx, ...events, ...audited.events)];
  }
}

function auditedOf(changes: readonly Change[], origin: Origin): AuditedAction[] {
  return changes.map(({ before, user, event, at }) => ({
    origin,
    userId: user.id,
    action: event.action,
    ...auditedValues(before, user),
    reason: event.action === 'USER_DEACTIVATED' ? user.statusReason : null,
    at,
  }));
}

/** Columns that hold no data about the person. */
const technicalColumns = ['id', 'version', 'revision', 'updatedAt'];

/** Returns the fields that differ and their values; for a new user (`before` null) all fields that are set. */
function auditedValues(before: User | null, after: User) {
  const fields = (Object.keys(after) as (keyof User)[])
    .filter((name) => !technicalColumns.includes(name) && !name.endsWith('Normalized'))
    .filter((name) => !isDeepStrictEqual(before?.[name] ?? null, after[name]))
    .sort();
  const valuesOf = (user: User) => Object.fromEntries(fields.map((name) => [name, user[name]]));
  const values: ChangedValues = { before: before && valuesOf(before), after: valuesOf(after) };
  return { fields, values };
}
