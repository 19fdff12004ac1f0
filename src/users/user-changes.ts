import { v7 as uuidv7 } from 'uuid';
import type { AuditedAction, AuditLog, AuditRecord, Origin } from '../audit/audit-log';
import type { Actor } from '../authentication/actor';
import { historyWrite } from '../history/user-history.repository';
import type { Outbox } from '../outbox/outbox';
import type { Transaction } from '../postgres/database';
import { type Write, writeTogether } from '../postgres/write';
import { auditedChange } from './audited-change';
import type { UserCache } from './user.cache';
import { User } from './user.entity';
import { fromConstraint, VersionConflictError } from './user.errors';
import type { UserEvent } from './user.events';
import type { UserRepository } from './user.repository';

/** On whose behalf something is done. */
export interface Caller extends Origin {
  readonly actor: Actor;
}

/** The `source` of a user's own events. */
function eventSource(userId: string): string {
  return `/user-service/users/${userId}`;
}

/** @throws VersionConflictError when the caller expected another version. */
export function checkVersion(user: User, expectedVersion: number | null | undefined): void {
  if (expectedVersion !== null && expectedVersion !== undefined && expectedVersion !== user.version) {
    throw new VersionConflictError(user.version);
  }
}

/** A change to publish. `before` is null when nothing was published about the user yet. */
interface Change {
  readonly before: User | null;
  readonly user: User;
  readonly event: UserEvent;
  readonly at: Date;
}

/** The one way a user changes: row, history entry, audit entry and event in the caller's transaction, the cache after its commit. */
export class UserChanges {
  constructor(
    private readonly users: UserRepository,
    private readonly cache: UserCache,
    private readonly outbox: Outbox,
    private readonly audit: AuditLog,
    /** Is told, after the commit, which user is known to others from now on. */
    private readonly onKnown: (userId: string) => void = () => undefined,
  ) {}

  /** The time of a change: now, but always after the user's last one, whichever replica's clock wrote that. */
  timeFor(user: User): Date {
    return new Date(Math.max(Date.now(), user.updatedAt.getTime() + 1));
  }

  /** Writes a new user; one that is `PENDING` is not told to anybody yet. */
  async insert(tx: Transaction, user: User, event: UserEvent | null, origin: Origin): Promise<User> {
    const along = event
      ? this.newUserWrites(tx, [{ before: null, user, event, at: user.createdAt }], origin)
      : [];
    await this.users.insert(tx, user, along);
    tx.afterCommit(() => this.cache.write(user));
    return user;
  }

  /**
   * Writes those of these new users that take no id, address or username from anybody, and answers which.
   *
   * @throws UserIdTakenError for one whose id belonged to somebody who was erased meanwhile
   */
  async insertFree(
    tx: Transaction,
    users: readonly User[],
    eventOf: (user: User) => UserEvent,
    origin: Origin,
  ): Promise<Set<User>> {
    const inserted = await this.users.insertFree(tx, users);
    const changes = [...inserted].map((user) => ({
      before: null,
      user,
      event: eventOf(user),
      at: user.createdAt,
    }));
    if (changes.length > 0)
      await sendAll(tx, this.newUserWrites(tx, changes, origin)).catch((error: unknown) => {
        throw fromConstraint(error);
      });
    tx.afterCommit(async () => {
      await Promise.all([...inserted].map((user) => this.cache.write(user)));
    });
    return inserted;
  }

  /**
   * Moves the user from the version that was read to the next one.
   *
   * @param at the time of the change, from `timeFor`
   * @param eventOf tells the change, given the user as it is then
   */
  async apply(
    tx: Transaction,
    read: User,
    changes: Partial<User>,
    at: Date,
    eventOf: (changed: User) => UserEvent,
    origin: Origin,
  ): Promise<User> {
    const written = { ...changes, updatedAt: at, version: read.version + 1, revision: read.revision + 1 };
    await this.users.update(tx, read, written);
    const changed = Object.assign(new User(), read, written);
    // Nobody was told of a user that is still to be accepted, nor is it in the audit log: for both it begins now.
    const before = read.status === 'PENDING' ? null : read;
    await sendAll(
      tx,
      await this.changeWrites(tx, [{ before, user: changed, event: eventOf(changed), at }], origin),
    );
    tx.afterCommit(() => this.cache.write(changed));
    return changed;
  }

  /** Writes what is no change in the contract's sense: no version, no event, no history. */
  async touch(tx: Transaction, read: User, changes: Partial<User>): Promise<User> {
    const written = { ...changes, revision: read.revision + 1 };
    await this.users.update(tx, read, written);
    const changed = Object.assign(new User(), read, written);
    tx.afterCommit(() => this.cache.write(changed));
    return changed;
  }

  /** What is written along with changes: history entries, audit entries and the events of both. */
  private async changeWrites(tx: Transaction, changes: readonly Change[], origin: Origin): Promise<Writes> {
    const audited = await this.audit.recordWrites(tx, auditedOf(changes, origin));
    return this.writesOf(tx, changes, origin, audited);
  }

  private newUserWrites(tx: Transaction, changes: readonly Change[], origin: Origin): Writes {
    return this.writesOf(tx, changes, origin, this.audit.newUserRecordWrites(auditedOf(changes, origin)));
  }

  private writesOf(
    tx: Transaction,
    changes: readonly Change[],
    { traceparent }: Origin,
    audited: AuditRecord<readonly Write[]>,
  ): Writes {
    const identified = changes.map((change) => ({ ...change, eventId: uuidv7() }));
    for (const { user, event } of identified)
      if (event.type === 'UserCreated') tx.afterCommit(() => this.onKnown(user.id));
    const entries = identified.map(({ user, event, at, eventId }) => ({
      id: uuidv7(),
      userId: user.id,
      occurredAt: at,
      recordedAt: at,
      source: eventSource(user.id),
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
      traceparent,
    }));
    return [
      historyWrite(entries),
      ...audited.writes,
      this.outbox.appendWrite(tx, ...events, ...audited.events),
    ];
  }
}

type Writes = readonly [Write, ...Write[]];

async function sendAll(tx: Transaction, writes: Writes): Promise<void> {
  await writeTogether(tx, ...writes);
}

function auditedOf(changes: readonly Change[], origin: Origin): AuditedAction[] {
  return changes.map(({ before, user, event, at }) => ({
    origin,
    userId: user.id,
    action: event.action,
    ...auditedChange(before, user),
    reason: event.action === 'USER_DEACTIVATED' ? user.statusReason : null,
    at,
  }));
}
