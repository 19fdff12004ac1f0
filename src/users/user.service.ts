import { isDeepStrictEqual } from 'node:util';
import type { CredentialsClient } from '../authentication/credentials-client';
import { findErased } from '../erased/erased-users';
import type { Database } from '../postgres/database';
import type { Idempotency } from './idempotency';
import { newUser, readNewUser } from './new-user';
import { normalized, parseUserId } from './normalized';
import type { DeactivationReason, User } from './user.entity';
import {
  CredentialsUnavailableError,
  EmailTakenError,
  InvalidInputError,
  UserIdTakenError,
  UserNotActiveError,
  UserNotFoundError,
  UsernameTakenError,
} from './user.errors';
import { userCreated, userDeactivated, userReactivated, userUpdated } from './user.events';
import type { UserRepository } from './user.repository';
import { InputReader } from './user.validation';
import { type Caller, checkVersion, type UserChanges } from './user-changes';
import { type ProfileInput, readProfileChanges } from './user-profile';
import { nextStatus } from './user-status';

type Optional<T> = T | null | undefined;

export interface CreateUser extends ProfileInput {
  email: string;
  firstName: string;
  lastName: string;
  userId?: Optional<string>;
  password?: Optional<string>;
  idempotencyKey?: Optional<string>;
}

export interface UpdateUser extends ProfileInput {
  userId: string;
  expectedVersion?: Optional<number>;
  idempotencyKey?: Optional<string>;
}

export interface DeactivateUser {
  userId: string;
  reason?: Optional<DeactivationReason>;
  notes?: Optional<string>;
  expectedVersion?: Optional<number>;
  idempotencyKey?: Optional<string>;
}

export type ReactivateUser = Omit<DeactivateUser, 'reason'>;

/** Creates, changes, deactivates and reactivates users. Who may is decided at the door, not here. */
export class UserService {
  constructor(
    private readonly database: Database,
    private readonly users: UserRepository,
    private readonly changes: UserChanges,
    private readonly idempotency: Idempotency,
    /** null: there is no AuthenticationService, and a password cannot be taken. */
    private readonly credentials: CredentialsClient | null,
  ) {}

  /**
   * A new user, `ACTIVE` at once, or with a password `PENDING` until the AuthenticationService accepts it.
   *
   * @throws InvalidInputError, EmailTakenError, UsernameTakenError, UserIdTakenError, CredentialsUnavailableError,
   *   IdempotencyConflictError
   */
  async create(caller: Caller, input: CreateUser): Promise<User> {
    const reader = new InputReader();
    const { id, profile } = readNewUser(reader, input);
    const password = reader.password('password', input.password, this.credentials !== null);
    reader.idempotencyKey(input.idempotencyKey);
    reader.finish();

    const user = newUser(id, profile, password === null ? 'ACTIVE' : 'PENDING');
    const created = await this.idempotency.run({ caller, mutation: 'createUser', input }, async (tx) => {
      await this.changes.insert(tx, user, password === null ? userCreated(user) : null, caller);
      // Afterwards: the insert waits for an erasure of this very id that is not committed yet.
      if (input.userId && (await findErased(tx, [user.id])).size > 0) throw new UserIdTakenError();
      return user;
    });
    if (created.status !== 'PENDING' || password === null) return created;
    return this.settleCredentials(caller, created, password);
  }

  /**
   * Changes what the input names: absent is unchanged, null is cleared. A new `email` becomes `pendingEmail`.
   *
   * @throws UserNotFoundError, VersionConflictError, InvalidInputError, UserNotActiveError, EmailTakenError,
   *   UsernameTakenError, IdempotencyConflictError
   */
  async update(caller: Caller, input: UpdateUser): Promise<User> {
    const reader = new InputReader();
    const { email, ...patch } = readProfileChanges(reader, input);
    reader.idempotencyKey(input.idempotencyKey);
    return this.idempotency.run({ caller, mutation: 'updateUser', input }, async (tx) => {
      const user = await this.lockKnown(tx, input.userId);
      checkVersion(user, input.expectedVersion);
      reader.finish();
      if (user.status !== 'ACTIVE') throw new UserNotActiveError();

      const wanted: Partial<User> = { ...patch };
      if (email !== undefined) {
        const taken = await this.users.findTaken(tx, normalized(email), user.id);
        if (taken.email) throw new EmailTakenError();
        // The username would follow the address when that is confirmed, and nobody could tell the person then.
        const follows =
          patch.usernameNormalized === undefined && user.usernameNormalized === user.emailNormalized;
        if (follows && taken.username) throw new UsernameTakenError();
        wanted.pendingEmail = normalized(email) === user.emailNormalized ? null : email;
      }
      const changed = keysOf(wanted).filter((key) => !isDeepStrictEqual(wanted[key], user[key]));
      if (changed.length === 0) return user;
      if (changed.includes('phoneNumber'))
        Object.assign(wanted, { phoneVerification: 'UNVERIFIED', phoneVerifiedAt: null });
      const names = changed.filter((key) => !key.endsWith('Normalized')).sort();
      return this.changes.apply(
        tx,
        user,
        wanted,
        this.changes.timeFor(user),
        (it) => userUpdated(it, names),
        caller,
      );
    });
  }

  /**
   * Takes the account out of use; doing so twice is a success with one effect.
   *
   * @throws UserNotFoundError, VersionConflictError, InvalidInputError, IdempotencyConflictError
   */
  async deactivate(caller: Caller, input: DeactivateUser): Promise<User> {
    const ownAccount = caller.actor.id === parseUserId(input.userId);
    const reason = input.reason ?? (ownAccount ? 'USER_REQUESTED' : 'ADMINISTRATIVE_ACTION');
    return this.changeStatus(caller, 'deactivate', input, reason, userDeactivated);
  }

  /**
   * Brings a deactivated account back; doing so to an active one is a success without effect.
   *
   * @throws UserNotFoundError, VersionConflictError, InvalidInputError, IdempotencyConflictError
   */
  async reactivate(caller: Caller, input: ReactivateUser): Promise<User> {
    return this.changeStatus(caller, 'reactivate', input, null, userReactivated);
  }

  private async changeStatus(
    caller: Caller,
    change: 'deactivate' | 'reactivate',
    input: ReactivateUser,
    statusReason: DeactivationReason | null,
    eventOf: typeof userDeactivated,
  ): Promise<User> {
    const reader = new InputReader();
    const statusNotes = reader.optional('notes', input.notes, 1, 500);
    reader.idempotencyKey(input.idempotencyKey);
    return this.idempotency.run({ caller, mutation: `${change}User`, input }, async (tx) => {
      const user = await this.lockKnown(tx, input.userId);
      checkVersion(user, input.expectedVersion);
      reader.finish();
      const status = nextStatus(user.status, change);
      // An account that is still to be accepted by the AuthenticationService is nobody's to change.
      if (status === null) throw new UserNotFoundError();
      if (status === user.status) return user;
      const at = this.changes.timeFor(user);
      const changes = { status, statusReason, statusNotes, statusChangedAt: at };
      return this.changes.apply(tx, user, changes, at, eventOf, caller);
    });
  }

  private async settleCredentials(caller: Caller, pending: User, password: string): Promise<User> {
    const { id: userId, email } = pending;
    const answer = await (this.credentials as CredentialsClient).put(
      { userId, email, password },
      caller.traceparent,
    );
    if (answer.outcome === 'unavailable') throw new CredentialsUnavailableError();
    if (answer.outcome === 'refused') {
      await this.database.transaction((tx) => this.users.removePending(tx, pending.id));
      throw new InvalidInputError([{ path: 'password', code: 'REJECTED', message: answer.reason }]);
    }
    return this.database.transaction(async (tx) => {
      const user = await this.users.lock(tx, pending.id);
      // Another try of the same call was refused first, and no user remains.
      if (!user) throw new CredentialsUnavailableError();
      await this.idempotency.settle(tx, user.id);
      // Another try of the same call was accepted first.
      if (user.status !== 'PENDING') return user;
      const at = this.changes.timeFor(user);
      const changes = { status: nextStatus(user.status, 'activate') ?? user.status, statusChangedAt: at };
      return this.changes.apply(tx, user, changes, at, userCreated, caller);
    });
  }

  private async lockKnown(tx: Parameters<UserRepository['lock']>[0], userId: string): Promise<User> {
    const id = parseUserId(userId);
    const user = id === null ? null : await this.users.lock(tx, id);
    if (!user) throw new UserNotFoundError();
    return user;
  }
}

function keysOf<T extends object>(it: T): (keyof T)[] {
  return Object.keys(it) as (keyof T)[];
}
